import { describe, expect, it } from "vitest";
import { readJsonBody } from "./json-body.ts";

describe("a body", () => {
  it.each([undefined, null, Buffer.alloc(0)])("may be missing: %j", (body) => {
    expect(readJsonBody(body)).toEqual({});
  });

  it.each(["[", '{"a":'])("is refused where it is nested deeper than Triton reads: %s", (open) => {
    expect(() => readJsonBody(Buffer.from(open.repeat(2000)))).toThrow(/nesting depth exceeds/);
  });

  it("may hold brackets inside strings without being deep", () => {
    const value = { text: `${"[".repeat(2000)}\\"`, "{": '"' };
    expect(readJsonBody(Buffer.from(JSON.stringify(value)))).toEqual(value);
  });

  it("is refused in Triton's words where it is no JSON", () => {
    expect(() => readJsonBody(Buffer.from("{"))).toThrow(
      expect.objectContaining({
        code: "INTERNAL",
        message: expect.stringMatching(/^failed to parse the request JSON buffer: /),
      }),
    );
  });
});
