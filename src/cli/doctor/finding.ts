/** One thing that was looked at. */
export interface Finding {
  readonly check: string;
  /** `warn`: it serves, but something is missing or slow. `fail`: it cannot serve. */
  readonly level: "ok" | "warn" | "fail";
  /** What was read, in words with units. */
  readonly found: string;
  /** What to do about it; there is one for everything that is not `ok`. */
  readonly remedy?: string;
}

export const ok = (check: string, found: string): Finding => ({ check, level: "ok", found });

export const warn = (check: string, found: string, remedy: string): Finding => ({
  check,
  level: "warn",
  found,
  remedy,
});

export const fail = (check: string, found: string, remedy: string): Finding => ({
  check,
  level: "fail",
  found,
  remedy,
});

/** `1.5 GiB` */
export function inGib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
