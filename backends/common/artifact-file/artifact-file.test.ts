import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { scratchFile } from "../../../test/support/scratch-file.ts";
import { type ArtifactFile, withArtifactFile } from "./artifact-file.ts";
import { Place } from "./place.ts";

const written = scratchFile("artifact");
const folder = mkdtempSync(join(tmpdir(), "beamgate-artifact-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const using = <T>(bytes: string, use: (file: ArtifactFile) => Promise<T>) =>
  withArtifactFile(written(bytes), "xclbin", use);
const MIB = 1024 * 1024;

describe("pieces of an artifact", () => {
  it("are read where they lie, also in parts of parts", async () => {
    const text = await using("0123456789", async (file) => {
      const inner = file.part(2, 6, "outer").part(1, 3, "inner");
      return [(await inner.readAll(3)).text(), (await file.read(9, 1, "end")).text()];
    });
    expect(text).toEqual(["345", "9"]);
  });

  it.each([
    [0, 11],
    [10, 1],
    [-1, 2],
    [0, -1],
    [1.5, 1],
    [Number.POSITIVE_INFINITY, 1],
    [0, Number.NaN],
  ])("are refused from %d on, %d bytes of 10", async (start, length) => {
    const reading = using("0123456789", (file) => file.read(start, length, "table"));
    await expect(reading).rejects.toThrow(
      /cannot serve the xclbin file: table: bytes .* expected to end within 10 bytes; the file is/,
    );
  });

  it("are refused beyond the limit of who asks, and beyond 64 MiB together", async () => {
    await expect(
      using("0123456789", (file) => file.part(0, 10, "names").readAll(9)),
    ).rejects.toThrow("names: 10 bytes, expected at most 9");
    await expect(
      using("x".repeat(MIB), async (file) => {
        for (let i = 0; i < 64; i++) await file.read(0, MIB, "again");
        return file.read(0, 1, "once more");
      }),
    ).rejects.toThrow(/once more: 1 bytes, expected at most 67108864 bytes of descriptions/);
  });
});

describe("what is no file to read", () => {
  const read = (path: string) => withArtifactFile(path, "gbs", async () => "read");

  it("is refused with the reason", async () => {
    await expect(read(join(folder, "none"))).rejects.toThrow(/cannot be read \(ENOENT\); check/);
    await expect(read(folder)).rejects.toThrow(/not a regular file/);
    await expect(read(written(""))).rejects.toThrow(/the file is empty/);
  });

  it("is not waited for where it is a pipe", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(read(join(folder, "pipe"))).rejects.toThrow(/not a regular file/);
  });
});

describe("a refusal", () => {
  it("names format, place, reason and remedy, and stays short", () => {
    const place = new Place("aocx").part("section A").part("kernel 'k'");
    expect(place.refusal("no arguments", "compile it again")).toMatchObject({
      fault: "artifact",
      message: "cannot serve the aocx file: section A, kernel 'k': no arguments; compile it again",
    });
    expect(place.refusal("x".repeat(1_000_000)).message.length).toBeLessThan(1000);
  });
});
