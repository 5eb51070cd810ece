import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLog, type LogOptions } from "./log.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-log-"));
  file = join(folder, "server.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (options: Partial<LogOptions> = {}) =>
  createLog({
    verbose: 0,
    info: true,
    warning: true,
    error: true,
    format: "default",
    file,
    ...options,
  });
const lines = () => readFileSync(file, "utf8").split("\n").slice(0, -1);

describe("a log with some severities switched off", () => {
  it("writes the others, and announcements always", async () => {
    const log = open({ info: false, warning: false });
    log.info("info");
    log.warn("warn");
    log.error("error");
    log.announce("Started GRPCInferenceService at 127.0.0.1:8001");
    await log.flushed();
    expect(lines()).toEqual([
      expect.stringMatching(/^E\d{4} [\d:.]{15} \d+ log\.test\.ts:\d+\] "error"$/),
      "Started GRPCInferenceService at 127.0.0.1:8001",
    ]);
  });

  it("writes detail up to its level", async () => {
    const log = open({ verbose: 2 });
    log.debug("one");
    log.verbose(2, "two");
    log.verbose(3, "three");
    await log.flushed();
    expect(lines().map((line) => /"(\w+)"$/.exec(line)?.[1])).toEqual(["one", "two"]);
  });
});

describe("the JSON log", () => {
  it("is one object a line, whatever the names in it", async () => {
    const log = open({ format: "json", verbose: 1 });
    const evil = 'x"\n{"level":50}\u001b[31m\u009b\u2028';
    log.warn(evil, { model: evil, rows: 5n, error: new Error("boom") });
    log.debug("detail");
    log.announce("Started HTTPService at 127.0.0.1:8000", { port: 8000 });
    await log.flushed();
    expect(lines().join("")).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    const [first, second, third] = lines().map((line) => JSON.parse(line));
    expect(first).toMatchObject({ level: 40, msg: evil, model: evil, rows: "5" });
    expect(first.error).toMatchObject({ type: "Error", message: "boom" });
    expect(second).toMatchObject({ level: 20, msg: "detail", verbose: 1 });
    expect(third).toMatchObject({ msg: "Started HTTPService at 127.0.0.1:8000", port: 8000 });
  });
});

describe("a log file that cannot be opened", () => {
  it("is an error at once", () => {
    expect(() => open({ file: join(folder, "none", "x.log") })).toThrow(/ENOENT/);
  });
});

describe("two logs into one file", () => {
  it("append", async () => {
    for (const word of ["a", "b"]) {
      const log = open();
      log.announce(word);
      await log.flushed();
    }
    expect(lines()).toEqual(["a", "b"]);
  });
});

describe("a log whose settings change while it is open", () => {
  it("follows them from the next line on", async () => {
    const log = open();
    log.debug("not yet");
    log.change({ verbose: 1, warning: false });
    log.debug("detail");
    log.warn("no more");
    log.change({ format: "json" });
    log.info("an object");
    expect(log.json).toBe(true);
    expect(log.settings).toMatchObject({ verbose: 1, warning: false, error: true, format: "json" });
    expect(log.file).toBe(file);
    await log.flushed();
    expect(lines()).toEqual([
      expect.stringContaining('"detail"'),
      expect.stringMatching(/^\{.*"msg":"an object"/),
    ]);
  });
});
