import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { exampleResult } from "../../test/support/loadtest-result.ts";
import { reportPage } from "./html/page.ts";
import { readResult } from "./schema.ts";

const page = reportPage(exampleResult());

describe("a report", () => {
  it("names nothing outside itself", () => {
    expect(page).not.toMatch(/(src|href)="(?!#)/);
    // In a comment of uPlot's licence, and nowhere else.
    expect(page.match(/https?:\/\/[^\s"'<>)]+/g) ?? []).toEqual([
      "https://github.com/leeoniya/uPlot",
    ]);
  });

  it("allows itself the scripts and styles that it carries, and nothing else", () => {
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? "";
    expect(policy).toContain("default-src &#39;none&#39;");
    const carried = [...page.matchAll(/<(?:script|style)>([\s\S]*?)<\/(?:script|style)>/g)].map(
      ([, text = ""]) => createHash("sha256").update(text).digest("base64"),
    );
    expect(carried).toHaveLength(3);
    for (const hash of carried) expect(policy).toContain(hash);
    expect(page).not.toMatch(/<[^>]+ style="/);
  });

  it("shows scale, emulation and every part of the result", () => {
    for (const text of [
      "1 : 100 of the 100 kHz",
      "Emulated.",
      "u50-0",
      "Turn-on",
      "Around the orbit",
    ]) {
      expect(page).toContain(text);
    }
    expect(page).not.toContain("INVALID");
  });

  it("escapes what servers and users say", () => {
    const hostile = '</script><img src=x onerror="alert(1)">';
    const result = exampleResult();
    const written = reportPage({
      ...result,
      scenario: { ...result.scenario, title: hostile, settings: { hostile } },
      turnOn: hostile,
    } as never);
    expect(written).not.toContain("<img");
    expect(written.match(/<script/g)).toHaveLength(3);
  });

  it("begins with INVALID where the generator lagged", () => {
    const reasons = ["3.1 % of the requests were sent late"];
    expect(reportPage(exampleResult({ validity: { valid: false, reasons } }))).toContain(
      "<strong>INVALID</strong>",
    );
  });
});

describe("a result that is read back", () => {
  it("is the one that was written", () => {
    const result = exampleResult();
    expect(readResult(JSON.parse(JSON.stringify(result)), "result.json")).toEqual(result);
  });

  it("is refused with the field that does not fit", () => {
    const broken = { ...exampleResult(), main: -1 };
    expect(() => readResult(broken, "a.json")).toThrow(/a\.json is no beamgate-loadtest\/1 .*main/);
  });
});
