import { describe, expect, it } from "vitest";
import { parseAddress } from "./channel.ts";
import { DEFAULT_RETRY, type Refusal, retryDelayMs } from "./retry.ts";

const delay = (changes: Partial<Refusal>, random = 0.5) =>
  retryDelayMs(
    { code: "UNAVAILABLE", pushbackMs: undefined, attempts: 1, leftMs: 60_000, ...changes },
    DEFAULT_RETRY,
    random,
  );

describe("a refused call", () => {
  it("waits twice as long each time, up to the longest, a fifth more or less", () => {
    expect([1, 2, 3].map((attempts) => delay({ attempts }))).toEqual([100, 200, 400]);
    expect(delay({}, 0)).toBe(80);
    expect(delay({}, 1)).toBeCloseTo(120);
    const options = { ...DEFAULT_RETRY, attempts: 20, longestDelayMs: 700 };
    const refusal = { code: "UNAVAILABLE", pushbackMs: undefined, leftMs: 60_000 } as const;
    expect(retryDelayMs({ ...refusal, attempts: 9 }, options, 0.5)).toBe(700);
  });

  it("comes again when the server says", () => {
    expect(delay({ pushbackMs: 1234 })).toBe(1234);
    expect(delay({ code: "RESOURCE_EXHAUSTED", pushbackMs: 0 })).toBe(0);
  });

  it.each<[string, Partial<Refusal>]>([
    ["when the server says never", { pushbackMs: -1 }],
    ["after the last attempt", { attempts: 4, pushbackMs: 5 }],
    ["where it could not come in time", { leftMs: 100 }],
    ["where something is used up, nobody knows until when", { code: "RESOURCE_EXHAUSTED" }],
    ["where the request is wrong", { code: "INVALID_ARGUMENT", pushbackMs: 5 }],
    ["where its time is over", { code: "DEADLINE_EXCEEDED", pushbackMs: 5 }],
  ])("does not come again %s", (_, changes) => {
    expect(delay(changes)).toBeUndefined();
  });
});

describe("an address", () => {
  it.each([
    ["gate.example", "gate.example:8001", false, false],
    ["127.0.0.1:9", "127.0.0.1:9", false, true],
    ["grpcs://gate.example:443", "gate.example:443", true, false],
    ["[::1]:7", "[::1]:7", false, true],
    ["unix:/run/gate.sock", "unix:/run/gate.sock", false, true],
  ])("%s", (url, target, secure, local) => {
    expect(parseAddress(url)).toEqual({ target, secure, local });
  });

  it.each(["", "http://gate:8000", "gate:8001/path", "grpc://"])("'%s' is none", (url) => {
    expect(() => parseAddress(url)).toThrow(TypeError);
  });
});
