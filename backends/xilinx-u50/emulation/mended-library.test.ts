import { describe, expect, it } from "vitest";
import { mend } from "./mended-library.ts";

const FAULTY = "4885c075e6488bbb70060000";
const SOUND = "4885c075df488bbb70060000";
const library = (...pieces: readonly string[]) => Buffer.from(pieces.join("90909090"), "hex");

describe("a copy of XRT's emulation library", () => {
  it("has one byte changed where the faulty jump is", () => {
    const copy = library("00", FAULTY, "ff");
    expect(mend(copy)).toBe(true);
    expect(copy).toEqual(library("00", SOUND, "ff"));
  });

  it.each<[string, readonly string[]]>([
    ["was mended before", ["00", SOUND]],
    ["is another version", ["0011223344"]],
    ["has several such places", [FAULTY, FAULTY]],
  ])("stays as it is where it %s", (_, pieces) => {
    const copy = library(...pieces);
    expect(mend(copy)).toBe(false);
    expect(copy).toEqual(library(...pieces));
  });
});
