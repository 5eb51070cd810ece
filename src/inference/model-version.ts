/** The version a client names, read the way Triton does. */
import { StatusError } from "../errors.ts";

const LONGEST = 2n ** 63n - 1n;

/**
 * Triton reads with C's `stol`: leading blanks and a sign are taken, whatever
 * follows the digits is ignored.
 * @returns the number in decimal without leading zeros; "" where none is named (the newest ready one).
 * @throws StatusError INVALID_ARGUMENT with Triton's text
 */
export function parseModelVersion(text: string): string {
  if (text === "" || (text.length < 10 && /^[1-9][0-9]*$/.test(text))) return text;
  const read = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)/.exec(text);
  const digits = read?.[2] ?? "";
  const negative = read?.[1] === "-";
  const value = digits === "" || digits.replace(/^0+/, "").length > 19 ? undefined : BigInt(digits);
  if (value === undefined || value > (negative ? LONGEST + 1n : LONGEST)) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `failed to get model version from specified version string '${text}' (details: stol), version should be an integral value > 0`,
    );
  }
  if (negative && value > 0n) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `invalid model version specified '${text}' , version should be an integral value > 0`,
    );
  }
  return value.toString();
}
