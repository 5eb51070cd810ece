import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { Artifact, ArtifactManifest } from "../contract.ts";
import { intelFpga } from "./backend.ts";
import { describeSource } from "./inspect.ts";

const SAMPLE = fileURLToPath(
  new URL("../../../shared/artifacts/intel_example.aocr", import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), "beamgate-inspect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SOURCE = "kernel void net(global const short *jets, global short *score, uint rows) {}";

function manifestOf(format: string, platform: string): ArtifactManifest {
  return {
    ...{ manifest: 1, backend: "intel-fpga", vendor: "intel", numericClass: "n" },
    artifact: { file: `model.${format}`, format, platform },
    inputs: [{ name: "jets", datatype: "INT16", shape: [16] }],
    outputs: [{ name: "score", datatype: "INT16", shape: [] }],
    kernel: {
      ...{ name: "net", computeUnits: [] },
      arguments: [
        { index: 0, role: "input", tensor: "jets" },
        { index: 1, role: "output", tensor: "score" },
        { index: 2, role: "rows" },
      ],
    },
  };
}

let files = 0;
function source(content: string | Uint8Array, manifest?: ArtifactManifest): Artifact {
  const path = join(folder, `${files++}.cl`);
  writeFileSync(path, content);
  const given = manifest ?? manifestOf("cl", "pocl");
  return { digest: "", path, format: "cl", platform: "pocl", manifest: given };
}

describe("OpenCL C for the emulated board", () => {
  it("tells platform, tensors and kernels", async () => {
    expect(await intelFpga.inspect(source(SOURCE))).toEqual({
      platform: "pocl",
      inputs: [{ name: "jets", datatype: "INT16", shape: [-1, 16] }],
      outputs: [{ name: "score", datatype: "INT16", shape: [-1] }],
      batchable: true,
      details: { kernels: ["net"] },
    });
  });

  const base = manifestOf("cl", "pocl");
  const kernel = base.kernel as NonNullable<ArtifactManifest["kernel"]>;
  it.each([
    [
      "no kernel of that name",
      source(SOURCE.replace("net", "mesh")),
      'no kernel "net"; it has "mesh"',
    ],
    ["no kernel", source("void net() {}"), 'no kernel "net"; it has none'],
    [
      "another number of arguments",
      source(SOURCE.replace(", uint rows", "")),
      "takes 2 arguments, the manifest names 3",
    ],
    [
      "a number where a buffer belongs",
      source(SOURCE.replace("global short *score", "short score")),
      'argument 1 is "short score", the manifest gives it a buffer',
    ],
    [
      "a buffer where the rows belong",
      source(SOURCE.replace("uint rows", "global uint *rows")),
      "the manifest gives it the number of rows",
    ],
    ["bytes that are no text", source(Uint8Array.of(0x6b, 0xff, 0xfe)), "is not UTF-8 text"],
    ["a NUL byte", source(`${SOURCE}\0`), "contains a NUL byte"],
    ["nothing in it", source(""), "is empty"],
    [
      "banks",
      source(SOURCE, {
        ...base,
        kernel: {
          ...kernel,
          arguments: kernel.arguments.map((argument) =>
            argument.role === "rows" ? argument : { ...argument, banks: [0] },
          ),
        },
      }),
      '"banks" are Xilinx\'s',
    ],
    [
      "another format in its manifest",
      source(SOURCE, manifestOf("aocx", "pocl")),
      'format "aocx" of an artifact that is "cl"',
    ],
    [
      "another digest in its manifest",
      source(SOURCE, { ...base, artifact: { ...base.artifact, digest: "sha256:00" } }),
      "the manifest says sha256:00",
    ],
  ])("with %s is refused", async (_, artifact, reason) => {
    await expect(intelFpga.inspect(artifact)).rejects.toThrow(reason);
    await expect(intelFpga.inspect(artifact)).rejects.toMatchObject({ fault: "artifact" });
  });

  it("without a manifest is refused", async () => {
    const { manifest: _, ...bare } = source(SOURCE);
    await expect(intelFpga.inspect(bare)).rejects.toThrow("a manifest.json beside the artifact");
  });
});

describe.skipIf(!existsSync(SAMPLE))("a compiled image", () => {
  const image = (platform: string): Artifact => ({
    ...{ digest: "", path: SAMPLE, format: "aocr", platform },
    manifest: manifestOf("aocr", platform),
  });

  it("without the kernel of its manifest is refused, with those that it has", async () => {
    await expect(intelFpga.inspect(image("a10_ref_small"))).rejects.toThrow(
      "kernel 'net', expected one of 'printit', 'vecaccum', 'vecsum'",
    );
  });

  it("for another board than its manifest says is refused", async () => {
    await expect(intelFpga.inspect(image("pac_a10"))).rejects.toThrow(
      "compiled for board 'a10_ref_small', expected 'pac_a10'",
    );
  });
});

describe("a source without a manifest, as a registry reads it", () => {
  const described = (content: string, platform = "any") => {
    const { manifest: _, ...given } = source(content);
    return describeSource({ ...given, platform });
  };

  it("tells its kernels and what they take", async () => {
    expect(await described(SOURCE)).toEqual({
      platform: "pocl",
      details: {
        container: "cl",
        kernels: [
          {
            name: "net",
            parameters: ["global const short * jets", "global short * score", "uint rows"],
          },
        ],
      },
    });
  });

  it("is refused without a kernel, and for a board that takes images", async () => {
    await expect(described("int answer(void) { return 42; }")).rejects.toThrow(/defines no kernel/);
    await expect(described(SOURCE, "pac_a10")).rejects.toThrow(
      /expected 'pac_a10'; register the image/,
    );
  });
});
