import { describe, expect, it } from "vitest";
import { callSite, escapeControls, tritonLine } from "./log-line.ts";

const at = new Date("2026-11-22T16:50:05.123Z");
const line = (style: "default" | "ISO8601", message: string, fields?: object) =>
  tritonLine({ style, severity: "W", message, fields, at, site: "server.js:12" });

describe("a line of the log", () => {
  it("looks like Triton's", () => {
    expect(line("default", "hello", { model: "jets", rows: 3, id: 5n, none: undefined })).toBe(
      `W1122 16:50:05.123000 ${process.pid} server.js:12] "hello" model="jets" rows=3 id="5"\n`,
    );
    expect(line("ISO8601", "hello")).toBe(
      `2026-11-22T16:50:05Z W ${process.pid} server.js:12] "hello"\n`,
    );
  });

  it("cannot be forged from a message, a value or a name of a field", () => {
    const evil = 'x"\nE1122 forged\u001b[31m\u009b31m\u2028\r';
    const written = line("default", evil, { model: evil, [evil]: 1, deep: { [evil]: [evil] } });
    expect(written.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    expect(written.endsWith("\n")).toBe(true);
  });

  it("survives a value that cannot be printed", () => {
    const cycle: object[] = [];
    cycle.push(cycle);
    expect(line("default", "m", { cycle })).toContain("not printable");
  });

  it("shows an error with its stack on the same line", () => {
    const written = line("default", "m", { error: new TypeError("boom") });
    expect(written).toContain("TypeError: boom\\n    at ");
  });
});

describe("escaped JSON", () => {
  it("means the same", () => {
    const text = "\u007f\u0085\u2028ä€";
    const json = escapeControls(JSON.stringify(text));
    expect(json).toContain("\\u0085");
    expect(JSON.parse(json)).toBe(text);
  });
});

describe("the place a line is written from", () => {
  it("is the file that speaks", () => {
    expect(callSite()).toMatch(/^log-line\.test\.ts:\d+$/);
  });
});
