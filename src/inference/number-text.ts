/** Numbers as C++'s `std::to_string` prints them: what Triton puts into classification results. */

/** Beyond it `Number.toFixed` turns to exponents. */
const TO_FIXED_LIMIT = 1e21;
/** Only odd multiples of 2^-7 lie exactly between two numbers of six decimals. */
const HALFWAY = 128;

/** `%f`: six decimals, halves to even, as IEEE's default rounding has it. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const size = Math.abs(value);
  if (size >= TO_FIXED_LIMIT) return `${sign}${BigInt(size)}.000000`;
  const scaled = size * HALFWAY;
  if (Number.isInteger(scaled) && scaled % 2 === 1) return `${sign}${halfToEven(BigInt(scaled))}`;
  return `${sign}${size.toFixed(6)}`;
}

/** @param scaled odd; the value is `scaled` / 128, halfway between two multiples of 10^-6 */
function halfToEven(scaled: bigint): string {
  const below = (scaled * 15_625n) >> 1n;
  const millionths = below % 2n === 0n ? below : below + 1n;
  const digits = String(millionths).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
