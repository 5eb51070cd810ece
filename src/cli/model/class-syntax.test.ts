import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { classText, parseEquivalence } from "./class-syntax.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-class-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return `@${path}`;
}

const PHYSICS = { kind: "physics", output: "scores", threshold: 0.5, minAgreement: 0.999 };

describe("a class as it is typed", () => {
  it.each([
    ["bit-exact", { kind: "bit-exact" }],
    ["ulp:4", { kind: "ulp", max: 4 }],
    ["abs:0.02", { kind: "abs-rel", abs: 0.02, rel: 0 }],
    ["rel:1e-3", { kind: "abs-rel", abs: 0, rel: 0.001 }],
    ["abs:0.02,rel:1e-3", { kind: "abs-rel", abs: 0.02, rel: 0.001 }],
    ["rel:0,abs:1", { kind: "abs-rel", abs: 1, rel: 0 }],
    ["fixed:16,1,2", { kind: "fixed-point", w: 16, i: 1, lsb: 2 }],
    ["fixed:16,-3,0.5", { kind: "fixed-point", w: 16, i: -3, lsb: 0.5 }],
    [file("p.json", JSON.stringify(PHYSICS)), PHYSICS],
    [file("p.yaml", "class:\n  kind: ulp\n  max: 2\n"), { kind: "ulp", max: 2 }],
  ])("%s is read", async (written, expected) => {
    expect(await parseEquivalence([written])).toEqual({ class: expected });
  });

  it("may be another one for an output", async () => {
    expect(await parseEquivalence(["y=ulp:1", "bit-exact", "z=abs:1"])).toEqual({
      class: { kind: "bit-exact" },
      outputs: { y: { kind: "ulp", max: 1 }, z: { kind: "abs-rel", abs: 1, rel: 0 } },
    });
    const whole = file("all.yaml", "class: {kind: bit-exact}\noutputs: {y: {kind: ulp, max: 1}}\n");
    expect(await parseEquivalence([whole])).toMatchObject({
      outputs: { y: { kind: "ulp", max: 1 } },
    });
  });

  it.each([
    [["same"], "unknown; the forms are bit-exact, ulp:4"],
    [["ulp:"], "'' is no number"],
    [["ulp:four"], "'four' is no number"],
    [["ulp:-1"], "-1 is below 0"],
    [["abs:1,abs:2"], "the forms are"],
    [["abs:1,ulp:2"], "the forms are"],
    [["fixed:16,1"], "it wants three numbers"],
    [["fixed:16,1,2,3"], "it wants three numbers"],
    [["y=ulp:1"], "says nothing of the other outputs"],
    [["ulp:1", "ulp:2"], "there is a class for the whole artifact already"],
    [["@/none"], "there is no file '/none'"],
    [[file("bad.yaml", "kind: {")], "holds no class"],
    [[file("odd.json", '{"kind": "physics"}')], "'output' is missing"],
  ])("%j is refused with a reason", async (written, reason) => {
    await expect(parseEquivalence(written)).rejects.toThrow(reason);
  });

  it("is written as it would be typed", async () => {
    for (const form of ["bit-exact", "ulp:4", "abs:0.02,rel:0.001", "fixed:16,1,2"]) {
      expect(classText((await parseEquivalence([form])).class)).toBe(form);
    }
  });
});
