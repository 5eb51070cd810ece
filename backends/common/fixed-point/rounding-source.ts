/**
 * The rules of ap_fixed and ac_fixed as JavaScript text, so that a type's
 * conversion is straight code with its numbers in it. The rules are those of the
 * vendors' user guides (AMD UG1399 "Quantization Modes", Siemens ac_datatypes).
 */
import type { FixedPointType } from "../../contract.ts";
import { rangeOf } from "./type.ts";

/**
 * Statements that turn the number `x` into the raw integer `r` of `type`, where
 * x times 2^`shift` is the exact value in units of the type's last bit.
 *
 * Everything is exact: a scale is a power of two, and the fraction of a double
 * is a double. Only a product below 2^-1074 is lost, and `TRN` alone asks for its sign.
 * `r` may be -0.
 */
export function conversionSource(type: FixedPointType, shift: number): string {
  return `let r = x * ${2 ** shift};\n${roundingSource(type, shift)}\n${overflowSource(type)}`;
}

function roundingSource({ q }: FixedPointType, shift: number): string {
  switch (q) {
    case "TRN":
      return shift < 0 ? "r = r === 0 && x < 0 ? -1 : Math.floor(r);" : "r = Math.floor(r);";
    case "TRN_ZERO":
      return "r = Math.trunc(r);";
    case "RND":
      return nearest("f >= 0.5", "f < -0.5");
    case "RND_ZERO":
      return nearest("f > 0.5", "f < -0.5");
    case "RND_MIN_INF":
      return nearest("f > 0.5", "f <= -0.5");
    case "RND_INF":
      return nearest("f >= 0.5", "f <= -0.5");
    case "RND_CONV":
      return nearest("f > 0.5 || (f === 0.5 && odd)", "f < -0.5 || (f === -0.5 && odd)");
    case "RND_CONV_ODD":
      return nearest("f > 0.5 || (f === 0.5 && !odd)", "f < -0.5 || (f === -0.5 && !odd)");
  }
}

/** `f` is what truncation toward zero left over; the whole part is one up or one down from there. */
function nearest(up: string, down: string): string {
  const odd = up.includes("odd") ? "const odd = t % 2 !== 0;" : "";
  return `{ const t = Math.trunc(r), f = r - t; ${odd} r = ${up} ? t + 1 : ${down} ? t - 1 : t; }`;
}

/** NaN fails every comparison and goes where the vendors' C++ sends it: WRAP 0, SAT the least. */
function overflowSource(type: FixedPointType): string {
  const { lo, hi } = rangeOf(type);
  const modulus = 2 ** type.w;
  switch (type.o) {
    case "WRAP":
      // JavaScript's own conversion to 32 bits: modulo 2^32, and 0 for what is no finite number.
      if (type.w <= 32)
        return `r = r << ${32 - type.w} ${type.signed ? ">>" : ">>>"} ${32 - type.w};`;
      return `if (!(r >= ${lo} && r <= ${hi})) {
        r -= Math.floor(r / ${modulus}) * ${modulus};
        ${type.signed ? `if (r > ${hi}) r -= ${modulus};` : ""}
        if (r !== r) r = 0;
      }`;
    case "SAT":
      return `r = r > ${hi} ? ${hi} : r >= ${lo} ? r : ${lo};`;
    case "SAT_ZERO":
      return `r = r >= ${lo} && r <= ${hi} ? r : 0;`;
    case "SAT_SYM": {
      const least = type.signed ? -hi : 0;
      return `r = r > ${hi} ? ${hi} : r >= ${least} ? r : ${least};`;
    }
  }
}
