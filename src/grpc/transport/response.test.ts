import { describe, expect, it } from "vitest";
import { encodeMessage, statusTrailers } from "./response.ts";

describe("a status text on the wire", () => {
  it.each([
    ["plain text, with 'quotes' & more ~", "plain text, with 'quotes' & more ~"],
    ["50% of ζ\r\n", "50%25 of %CE%B6%0D%0A"],
    ["\u{1f680}", "%F0%9F%9A%80"],
    ["\ud800 alone", "%EF%BF%BD alone"],
    [" Expected [2], got [3]. ", "%20Expected [2], got [3].%20"],
    ["", ""],
  ])("%j", (text, encoded) => {
    expect(encodeMessage(text)).toBe(encoded);
  });

  it("ends before it is too long for a header, never within a character", () => {
    const encoded = encodeMessage("ζ".repeat(10_000));
    expect(encoded.length).toBeLessThan(4_200);
    expect(decodeURIComponent(encoded)).toMatch(/^ζ+\.\.\.$/);
  });

  it("comes with its number; OK needs no text", () => {
    expect(statusTrailers(0, "")).toEqual({ "grpc-status": "0" });
    expect(statusTrailers(5, "no", { why: "x" })).toEqual({
      why: "x",
      "grpc-status": "5",
      "grpc-message": "no",
    });
  });
});
