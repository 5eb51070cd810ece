import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { faultsNow } from "./faults.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "faults.json");

describe("the faults of a board", () => {
  it("are those of the file, over those of the options", () => {
    writeFileSync(file, JSON.stringify({ neverDone: true, wrongData: false }));
    const fixed = { wrongData: true, slow: { ms: 5 } };
    expect(faultsNow(fixed, file, 0)).toEqual({
      neverDone: true,
      wrongData: false,
      slow: { ms: 5 },
    });
  });

  it("are none for boards that are not named", () => {
    const fixed = { neverDone: true, boards: [1] };
    expect(faultsNow(fixed, undefined, 0)).toEqual({});
    expect(faultsNow(fixed, undefined, 1)).toEqual(fixed);
  });

  it("are those of the options where the file is missing, half written or not understood", () => {
    const fixed = { wrongData: true };
    expect(faultsNow(fixed, join(folder, "none"), 0)).toEqual(fixed);
    for (const text of ['{"die":', '{"mood":1}', "[]"]) {
      writeFileSync(file, text);
      expect(faultsNow(fixed, file, 0)).toEqual(fixed);
    }
  });
});
