import { describe, expect, it } from "vitest";
import { forwarderOf, HeaderForwarder } from "./forward-headers.ts";

const found = (pattern: string, headers: Record<string, string>) =>
  [...new HeaderForwarder(pattern).of(headers)].map(([name, { value }]) => `${name}=${value}`);

describe("a pattern of headers to forward", () => {
  it("is found anywhere in a name, in any case, as in Triton", () => {
    expect(found("MY", { "x-my-header": "1", other: "2" })).toEqual(["x-my-header=1"]);
    expect(found("^my", { "x-my-header": "1", "my-own": "2" })).toEqual(["my-own=2"]);
  });

  it("never chooses what belongs to HTTP/2, nor names of absurd length", () => {
    expect(found(".*", { ":path": "/x", ["a".repeat(129)]: "1", b: "2" })).toEqual(["b=2"]);
  });

  it.each(["priority", "timeout", "sequence_id", "headers", "triton_x"])(
    "that chooses %s ends the request, in Triton's words",
    (name) => {
      expect(() => found(".*", { [name]: "1" })).toThrow(
        `Header '${name}' is reserved for Triton usage and cannot be forwarded.`,
      );
    },
  );

  it("that is empty forwards nothing and costs nothing", () => {
    expect(forwarderOf("")).toBeUndefined();
  });

  it("is tried once on headers that a connection repeats", () => {
    const forwarder = new HeaderForwarder("a");
    const headers = { a: "1" };
    expect(forwarder.of(headers)).toBe(forwarder.of(headers));
  });
});
