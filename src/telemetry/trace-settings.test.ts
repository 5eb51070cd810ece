import { describe, expect, it } from "vitest";
import { type TraceSetting, TraceSettings, type TraceValues } from "./trace-settings.ts";
import { readTraceWords, traceWords } from "./trace-words.ts";

const off: TraceValues = { level: [], rate: 1000, count: -1, logFrequency: 0 };
const on: TraceValues = { ...off, level: ["TIMESTAMPS"], rate: 1 };
const picks = (setting: TraceSetting, requests: number) =>
  Array.from({ length: requests }, () => setting.sample(false));

describe("trace settings of a model", () => {
  it("follow the global ones in what was not said for the model", () => {
    const settings = new TraceSettings(on);
    settings.update("simple", { rate: 5 });
    settings.update("", { count: 7 });
    expect(settings.of("simple").values).toEqual({ ...on, rate: 5, count: 7 });
    expect(settings.of("other").values).toEqual({ ...on, count: 7 });
  });

  it("are the global ones again once everything is cleared", () => {
    const settings = new TraceSettings(on);
    settings.update("simple", { rate: 5, level: [] });
    settings.update("simple", { rate: undefined });
    expect(settings.of("simple").values).toEqual({ ...on, level: [] });
    settings.update("simple", { level: undefined });
    expect(settings.of("simple")).toBe(settings.of());
  });
});

describe("global trace settings", () => {
  it("go back to those of the command line when they are cleared", () => {
    const settings = new TraceSettings(on);
    settings.update("", { rate: 9 });
    settings.update("", { rate: undefined });
    expect(settings.of().values).toEqual(on);
  });

  it("tell which settings no longer count, so that what they gathered is written", () => {
    const settings = new TraceSettings(on);
    const replaced: TraceSetting[] = [];
    settings.onReplaced = (setting) => replaced.push(setting);
    const before = settings.of();
    settings.update("", { rate: 2 });
    expect(replaced).toEqual([before]);
  });

  it("can not be switched on where a trace has nowhere to go, and stay as they were", () => {
    const settings = new TraceSettings(off, "trace file name is not given");
    expect(() => settings.update("", { level: ["TIMESTAMPS"], rate: 3 })).toThrow(
      "Attempting to set invalid trace setting :trace file name is not given",
    );
    expect(settings.of().values).toEqual(off);
    settings.update("", { rate: 3 });
    expect(settings.of().values.rate).toBe(3);
  });
});

describe("which requests are traced", () => {
  it.each([
    ["every one at rate 1", { rate: 1 }, [true, true, true, true]],
    ["every other one at rate 2", { rate: 2 }, [false, true, false, true]],
    ["none at rate 0", { rate: 0 }, [false, false, false, false]],
    ["none at level OFF", { level: [] }, [false, false, false, false]],
    ["so many as count says", { count: 2 }, [true, true, false, false]],
  ])("%s", (_case, change, expected) => {
    const settings = new TraceSettings({ ...on, ...change });
    expect(picks(settings.of(), 4)).toEqual(expected);
  });

  it.each([
    ["at rate 0", { rate: 0 }],
    ["when the count is used up", { count: 0 }],
    ["between two of the rate", { rate: 1000 }],
  ])("those of a caller who traces, %s", (_case, change) => {
    expect(new TraceSettings({ ...on, ...change }).of().sample(true)).toBe(true);
  });

  it("but none at level OFF, whoever traces", () => {
    expect(new TraceSettings({ ...on, level: [] }).of().sample(true)).toBe(false);
  });

  it("tells how many go before the next one, also of those that passed together", () => {
    const setting = new TraceSettings({ ...on, rate: 4 }).of();
    expect(setting.untraced).toBe(3);
    setting.passed(2);
    expect(setting.untraced).toBe(1);
    expect(picks(setting, 3)).toEqual([false, true, false]);
    expect(setting.untraced).toBe(2);
  });

  it("makes up for one that passed with others, and is in step again", () => {
    const setting = new TraceSettings({ ...on, rate: 4 }).of();
    setting.passed(5);
    expect(setting.untraced).toBe(0);
    expect(picks(setting, 4)).toEqual([true, false, true, false]);
  });

  it.each([
    ["at level OFF", off],
    ["where only callers choose", { ...on, rate: 0 }],
    ["once enough were traced", { ...on, count: 0 }],
  ])("lets any number pass %s", (_, values) => {
    const setting = new TraceSettings(values).of();
    setting.passed(5000);
    expect(setting.untraced).toBe(Number.POSITIVE_INFINITY);
  });

  it("counts down what is left, and afresh after an update", () => {
    const settings = new TraceSettings({ ...on, count: 2 });
    picks(settings.of(), 1);
    expect(settings.of().left).toBe(1);
    settings.update("", { count: 4 });
    expect(settings.of().left).toBe(4);
  });
});

describe("trace settings on the wire", () => {
  const read = (words: Record<string, string[]>) => readTraceWords(new Map(Object.entries(words)));

  it("are read from lists of strings; an empty list clears", () => {
    expect(
      read({
        trace_level: ["TENSORS", "TIMESTAMPS"],
        trace_rate: ["7"],
        trace_count: ["-1"],
        log_frequency: [],
        of_the_future: ["1"],
      }),
    ).toEqual({ level: ["TIMESTAMPS", "TENSORS"], rate: 7, count: -1, logFrequency: undefined });
    expect(Object.keys(read({ log_frequency: [] }))).toEqual(["logFrequency"]);
    expect(read({ trace_level: ["OFF"] })).toEqual({ level: [] });
  });

  it("are told as Triton does", () => {
    expect(Object.fromEntries(traceWords({ ...on, level: [] }, 3))).toEqual({
      trace_level: ["OFF"],
      trace_rate: ["1"],
      trace_count: ["3"],
      log_frequency: ["0"],
    });
  });

  it.each([
    [
      "a place for the file",
      { trace_file: ["/etc/passwd"] },
      "UNIMPLEMENTED",
      "trace file location can not be updated through network protocol",
    ],
    [
      "a rate that is no number",
      { trace_rate: ["x"] },
      "INVALID_ARGUMENT",
      "Unable to parse 'trace_rate', got: x",
    ],
    [
      "two rates",
      { trace_rate: ["1", "2"] },
      "INVALID_ARGUMENT",
      "expect only 1 value for 'trace_rate'",
    ],
    [
      "a count below -1",
      { trace_count: ["-2"] },
      "INVALID_ARGUMENT",
      "Unable to parse 'trace_count'. Expecting value >= -1, got: -2",
    ],
    [
      "a frequency too large",
      { log_frequency: ["99999999999"] },
      "INVALID_ARGUMENT",
      "Unable to parse 'log_frequency', value is out of range [ 0, 4294967295 ], got: 99999999999",
    ],
    [
      "OFF among others",
      { trace_level: ["OFF", "TENSORS"] },
      "INVALID_ARGUMENT",
      "Expect only one trace level 'OFF' is specified",
    ],
  ])("%s is refused", (_case, words, code, message) => {
    expect(() => read(words as Record<string, string[]>)).toThrow(
      expect.objectContaining({ code, message }),
    );
  });
});
