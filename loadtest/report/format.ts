/** Numbers as people read them: three digits, a unit, a narrow space between. */

/** Digits behind the point of a share close to 1; what is closer is all of it. */
const MOST_NINES = 6;
const SPACE = "\u202f";

/** Three significant digits, without an exponent where that can be read. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e9) return `${short(value / 1e9)}${SPACE}G`;
  if (size >= 1e6) return `${short(value / 1e6)}${SPACE}M`;
  if (size >= 1e4) return `${short(value / 1e3)}${SPACE}k`;
  if (size < 1e-3) return value.toExponential(1);
  return short(value);
}

/** Every digit, with thousands apart. */
export function whole(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, SPACE);
}

export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms >= 10_000) return `${short(ms / 1000)}${SPACE}s`;
  if (ms !== 0 && Math.abs(ms) < 0.995) return `${short(ms * 1000)}${SPACE}µs`;
  return `${short(ms)}${SPACE}ms`;
}

export function perSecond(value: number): string {
  if (value >= 1e6) return `${short(value / 1e6)}${SPACE}MHz`;
  if (value >= 1e3) return `${short(value / 1e3)}${SPACE}kHz`;
  return `${short(value)}${SPACE}Hz`;
}

export function bytes(value: number): string {
  if (value >= 1e9) return `${short(value / 1e9)}${SPACE}GB`;
  if (value >= 1e6) return `${short(value / 1e6)}${SPACE}MB`;
  if (value >= 1e3) return `${short(value / 1e3)}${SPACE}kB`;
  return `${short(value)}${SPACE}B`;
}

/** A share; close to 1 with as many nines as it takes. */
export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const missing = 1 - share;
  if (missing > 0 && missing < 0.0095) {
    const digits = Math.ceil(-Math.log10(missing) - 1e-9) - 1;
    if (digits > MOST_NINES) return `100${SPACE}%`;
    return `${(100 * share).toFixed(digits)}${SPACE}%`;
  }
  if (share !== 0 && share < 1e-7) return `${(100 * share).toExponential(1)}${SPACE}%`;
  if (share !== 0 && share < 1e-4) {
    return `${(100 * share).toFixed(1 - Math.floor(Math.log10(100 * share)))}${SPACE}%`;
  }
  return `${short(100 * share)}${SPACE}%`;
}

/** `p99.9` of 0.999. */
export function percentileName(share: number): string {
  return `p${Number((100 * share).toFixed(5))}`;
}

function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1) return value.toFixed(2);
  return Number(value.toPrecision(3)).toString();
}
