/** Whole numbers in decimal, as bytes: nothing is allocated, no string is made. */

const ZERO = 48;

/** @param value an integer, finite and not negative */
export function digitsOf(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count += 1;
  return count;
}

/** @param value an integer, finite and not negative. @returns where it ends */
export function writeDigits(target: Uint8Array, at: number, value: number): number {
  const end = at + digitsOf(value);
  let left = value;
  for (let place = end - 1; place >= at; place -= 1) {
    const tenth = Math.floor(left / 10);
    target[place] = ZERO + (left - 10 * tenth);
    left = tenth;
  }
  return end;
}
