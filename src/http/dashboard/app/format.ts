/** Numbers as people read them; `–` for what is not known. */
import { day } from "./clock.ts";

const NONE = "–";

export function number(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  // What was counted is told as it is, where it is short.
  if (Number.isInteger(value) && size < 1e4) return String(value);
  if (size >= 1e6) return `${digits(value / 1e6)} M`;
  if (size >= 1e4) return `${digits(value / 1e3)} k`;
  return size > 0 && size < 1e-3 ? value.toExponential(1) : digits(value);
}

export function ms(value: number | undefined): string {
  if (value === undefined) return NONE;
  if (value >= 1_000) return `${digits(value / 1_000)} s`;
  return value < 1 ? `${digits(value * 1_000)} µs` : `${digits(value)} ms`;
}

export function percent(part: number | undefined): string {
  return part === undefined ? NONE : `${digits(100 * part)} %`;
}

export function moment(iso: string | undefined): string {
  return iso === undefined ? NONE : day(new Date(iso));
}

const digits = (value: number) => String(Number(value.toPrecision(3)));
