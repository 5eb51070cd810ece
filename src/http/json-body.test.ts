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

  it.each(["9223372036854775808", "-9223372036854775808", "NaN", "Infinity"])(
    "is no JSON with %s as a key, and is with it as a value",
    (word) => {
      const refused = expect.objectContaining({ code: "INTERNAL" });
      expect(() => readJsonBody(Buffer.from(`{${word}: [1]}`))).toThrow(refused);
      expect(() => readJsonBody(Buffer.from(`{"a": 1, ${word}\n:[1]}`))).toThrow(refused);
      expect(readJsonBody(Buffer.from(`{"${word}": 1, "a": ${word}}`))).toHaveProperty(word, 1);
    },
  );

  it("is refused in Triton's words where it is no JSON", () => {
    expect(() => readJsonBody(Buffer.from("{"))).toThrow(
      expect.objectContaining({
        code: "INTERNAL",
        message: expect.stringMatching(/^failed to parse the request JSON buffer: /),
      }),
    );
  });
});
