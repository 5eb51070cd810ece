import { describe, expect, it } from "vitest";
import { readOptions } from "./options.ts";

describe("options", () => {
  it("may be absent: the cards of the host", () => {
    expect(readOptions(undefined)).toEqual({});
    expect(readOptions({})).toEqual({});
  });

  it("ask for emulated boards, which load at once and behave unless told otherwise", () => {
    expect(readOptions({ emulated: { boards: 5 } })).toEqual({
      emulated: { boards: 5, secondsPerLoad: 0, faults: {} },
    });
  });

  it("take everything that boards can be told", () => {
    const emulated = {
      boards: 2,
      secondsPerLoad: 1.5,
      faults: { slow: { factor: 10, ms: 5 }, boards: [1] },
      faultsFile: "/tmp/faults.json",
    };
    expect(readOptions({ emulated })).toEqual({ emulated });
  });

  it.each<[string, unknown, string]>([
    ["no object", 5, "options: got 5, expected an object"],
    [
      "an unknown key",
      { emulate: {} },
      "options.emulate: got an unknown option, expected emulated",
    ],
    ["no boards", { emulated: {} }, "options.emulated.boards: got undefined"],
    ["six boards", { emulated: { boards: 6 } }, "expected a whole number from 1 to 5"],
    ["half a board", { emulated: { boards: 0.5 } }, "options.emulated.boards: got 0.5"],
    ["a negative load", { emulated: { boards: 1, secondsPerLoad: -1 } }, "secondsPerLoad: got -1"],
    ["a relative file", { emulated: { boards: 1, faultsFile: "x" } }, "expected an absolute path"],
    [
      "an unknown fault",
      { emulated: { boards: 1, faults: { mood: 1 } } },
      'unknown fault "mood"; known: slow, neverDone',
    ],
    [
      "a fault of another type",
      { emulated: { boards: 1, faults: { die: true } } },
      "options.emulated.faults.die: got true",
    ],
  ])("%s: refused with the place and what it may be", (_, options, reason) => {
    expect(() => readOptions(options)).toThrow(reason);
  });
});
