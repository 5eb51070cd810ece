import { describe, expect, it } from "vitest";
import { floatText } from "./number-text.ts";

/** As printed by a C++ program with `std::to_string(double)`. */
describe("a number is printed as std::to_string prints it", () => {
  it.each([
    [0, "0.000000"],
    [-0, "-0.000000"],
    [1, "1.000000"],
    [0.5, "0.500000"],
    [-1e-9, "-0.000000"],
    [Math.fround(0.1), "0.100000"],
    [0.0078125, "0.007812"],
    [0.0234375, "0.023438"],
    [-0.0078125, "-0.007812"],
    [2 ** 40 + 0.0078125, "1099511627776.007812"],
    [123456.7890125, "123456.789012"],
    [1e21, "1000000000000000000000.000000"],
    [Math.fround(3.4028234663852886e38), "340282346638528859811704183484516925440.000000"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NEGATIVE_INFINITY, "-inf"],
    [Number.NaN, "nan"],
  ])("%d", (value, text) => {
    expect(floatText(value)).toBe(text);
  });
});
