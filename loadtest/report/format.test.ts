import { describe, expect, it } from "vitest";
import {
  bytes,
  milliseconds,
  number,
  percent,
  percentileName,
  perSecond,
  whole,
} from "./format.ts";

const plain = (text: string) => text.replaceAll("\u202f", " ");

describe("figures as people read them", () => {
  it.each([
    [percent(0.5), "50.0 %"],
    [percent(1), "100 %"],
    [percent(0.99), "99.0 %"],
    [percent(0.9987), "99.87 %"],
    [percent(0.99999), "99.9990 %"],
    [percent(1 - 1e-9), "100 %"],
    [percent(0.000067), "0.0067 %"],
    [percent(0), "0 %"],
    [milliseconds(0.0004), "0.4 µs"],
    [milliseconds(0.5), "500 µs"],
    [milliseconds(1.234), "1.23 ms"],
    [milliseconds(12_345), "12.3 s"],
    [perSecond(999), "999 Hz"],
    [perSecond(31_578_000), "31.6 MHz"],
    [bytes(1_500_000), "1.50 MB"],
    [number(0.000012), "1.2e-5"],
    [number(123_456), "123 k"],
    [whole(1_234_567), "1 234 567"],
    [percentileName(0.99999), "p99.999"],
  ])("%s", (written, expected) => {
    expect(plain(written)).toBe(expected);
  });
});
