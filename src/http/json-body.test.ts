import { describe, expect, it } from "vitest";
import { readJsonObject } from "./json-body.ts";

describe("a body", () => {
  it.each([undefined, null, Buffer.alloc(0), Buffer.from("  \n")])("may be missing: %j", (body) => {
    expect(readJsonObject(body)).toEqual({});
  });

  it("may hold brackets inside strings without being deep", () => {
    const value = { text: `${"[".repeat(1000)}\\"`, "{": '"' };
    expect(readJsonObject(Buffer.from(JSON.stringify(value)))).toEqual(value);
  });

  it("may be nested to a hundred levels and no further", () => {
    const nested = (levels: number) =>
      Buffer.from(`{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`);
    expect(readJsonObject(nested(100))).toHaveProperty("a");
    expect(() => readJsonObject(nested(101))).toThrow(/nested deeper than 100/);
    expect(() => readJsonObject(nested(250_000))).toThrow(/nested deeper than 100/);
  });
});
