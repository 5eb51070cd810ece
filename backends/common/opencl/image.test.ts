import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Artifact } from "../../contract.ts";
import { digestOf, readImage } from "./image.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-image-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;

function artifact(content: string | undefined, digest?: string): Artifact {
  const path = join(folder, `image-${files++}`);
  if (content !== undefined) writeFileSync(path, content);
  return {
    ...{ digest: "", path, format: "xclbin", platform: "p" },
    manifest: {
      ...{ manifest: 1, backend: "b", vendor: "v", numericClass: "n" },
      artifact: {
        ...{ file: "f", format: "xclbin", platform: "p" },
        ...(digest === undefined ? {} : { digest }),
      },
      ...{ inputs: [], outputs: [] },
    },
  };
}

describe("an image", () => {
  const digest = digestOf(Buffer.from("bits"));

  it("is read whole, and is what the manifest promised", async () => {
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect((await readImage(artifact("bits"))).toString()).toBe("bits");
    expect((await readImage(artifact("bits", digest))).toString()).toBe("bits");
  });

  it.each([
    ["another digest", artifact("gnat", digest), /the manifest says sha256:/],
    ["no bytes", artifact(""), /is empty/],
    ["more bytes than it may", artifact("x".repeat(101)), /has 101 bytes; at most 100/],
    ["no file", artifact(undefined), /ENOENT/],
    ["a folder for a file", { ...artifact("bits"), path: folder }, /is not a file/],
  ])("with %s is refused", async (_, wrong, reason) => {
    await expect(readImage(wrong, 100)).rejects.toThrow(reason);
    await expect(readImage(wrong, 100)).rejects.toMatchObject({ fault: "artifact" });
  });
});
