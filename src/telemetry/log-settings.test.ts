import { describe, expect, it } from "vitest";
import { logWords, readLogWords } from "./log-settings.ts";

describe("log settings on the wire", () => {
  it("are read by Triton's keys, and only those given", () => {
    expect(
      readLogWords({ log_info: false, log_verbose_level: 3, log_format: "ISO8601", other: 1 }),
    ).toEqual({ info: false, verbose: 3, format: "ISO8601" });
    expect(readLogWords({ log_warning: false, log_error: true })).toEqual({
      warning: false,
      error: true,
    });
  });

  it("are told with an empty file where the log goes to standard output", () => {
    const settings = { verbose: 1, info: true, warning: false, error: true, format: "default" };
    expect(logWords(settings as never, undefined)).toEqual({
      log_file: "",
      log_info: true,
      log_warning: false,
      log_error: true,
      log_verbose_level: 1,
      log_format: "default",
    });
  });

  it.each([
    [
      { log_file: "/tmp/x" },
      "UNIMPLEMENTED",
      "log file location can not be updated through network protocol",
    ],
    [{ log_info: 1 }, "INVALID_ARGUMENT", "expect boolean for 'log_info'"],
    [{ log_error: undefined }, "INVALID_ARGUMENT", "expect boolean for 'log_error'"],
    [{ log_verbose_level: true }, "INVALID_ARGUMENT", "expect int32 for 'log_verbose_level'"],
    [{ log_format: true }, "INVALID_ARGUMENT", "expect string for 'log_format'"],
    [{ log_format: "xml" }, "INVALID_ARGUMENT", "invalid argument for log_format, got: xml"],
  ])("%j is refused", (words, code, message) => {
    expect(() => readLogWords(words)).toThrow(expect.objectContaining({ code, message }));
  });
});
