import { expect, it } from "vitest";
import { digitsOf, writeDigits } from "./digits.ts";

it.each([0, 7, 9, 10, 99, 100, 4_294_967_296, 999_999_999_999, 2 ** 53 - 1])(
  "writes %i as it is read",
  (value) => {
    const bytes = Buffer.alloc(24, "_");
    const end = writeDigits(bytes, 2, value);
    expect(bytes.toString("latin1")).toBe(`__${value}`.padEnd(24, "_"));
    expect(digitsOf(value)).toBe(end - 2);
  },
);
