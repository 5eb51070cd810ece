/** Facts of an aocx or aocr file, and whether its manifest and platform agree with it. */
import { Place } from "../../common/artifact-file/place.ts";
import { checkKernelManifest } from "../../common/kernel-manifest/check-kernel-manifest.ts";
import { CORRECT, type KernelFacts } from "../../common/kernel-manifest/kernel-facts.ts";
import { manifestTensors } from "../../common/kernel-manifest/manifest-tensors.ts";
import type { Artifact, ArtifactFacts, ArtifactManifest } from "../../contract.ts";
import { type Aocx, readAocx } from "./read-aocx.ts";

/** @throws BackendError `artifact` */
export async function inspectAocx(artifact: Artifact): Promise<ArtifactFacts> {
  const { format, manifest } = artifact;
  const place = new Place(format);
  const aocx = await readAocx(artifact.path, format);
  checkStage(place, format, aocx);
  for (const platform of [artifact.platform, manifest?.artifact.platform ?? ""]) {
    if (platform === "" || platform === "any" || platform === aocx.board) continue;
    throw place.refusal(
      `compiled for board '${aocx.board}', expected '${platform}'`,
      "compile it for that board (aoc -board=...), or name the board it was compiled for",
    );
  }
  if (manifest !== undefined) checkManifest(place, manifest, aocx);
  return {
    platform: aocx.board,
    ...(manifest === undefined ? {} : manifestTensors(manifest)),
    details: { ...aocx },
  };
}

function checkStage(place: Place, format: string, { stage, board }: Aocx): void {
  if (stage === "emulator") {
    throw place.refusal(
      `compiled for the emulator of board '${board}', expected for its hardware`,
      "compile it without -march=emulator",
    );
  }
  if (format === "aocx" && stage === "linked") {
    throw place.refusal(
      "no section .acl.fpga.bin: it was linked, but has no image of the FPGA",
      "let aoc finish the compilation (aoc kernel.aocr), or register it as aocr",
    );
  }
}

function checkManifest(place: Place, manifest: ArtifactManifest, aocx: Aocx): void {
  if (aocx.kernels.length === 0) {
    throw place.refusal(
      "neither .acl.autodiscovery nor .acl.kernel_arg_info.xml tells of kernels that can be read",
      "compile it with aoc 19.1 or later, with -cl-kernel-arg-info",
    );
  }
  checkBanks(place, manifest);
  for (const name of functionNames(place, manifest)) {
    const { kernel } = manifest;
    const single = kernel === undefined ? {} : { kernel: { ...kernel, name, computeUnits: [] } };
    checkKernelManifest(place, { ...manifest, ...single }, kernelFacts(aocx));
  }
}

/** On these boards every compute unit is a kernel function of its own. */
function functionNames(place: Place, { kernel }: ArtifactManifest): readonly string[] {
  const units = kernel?.computeUnits ?? [];
  const twice = units.find((unit, index) => units.indexOf(unit) !== index);
  if (twice !== undefined) {
    throw place
      .part("manifest.json")
      .refusal(`compute unit '${twice}' is listed twice, expected once`, CORRECT);
  }
  return units.length > 0 ? units : [kernel?.name ?? ""];
}

/** Without what the runtime sets itself. */
function kernelFacts({ kernels }: Aocx): KernelFacts[] {
  return kernels.map((kernel) => ({
    name: kernel.name,
    arguments: kernel.arguments.filter(({ hidden }) => !hidden),
  }));
}

function checkBanks(place: Place, manifest: ArtifactManifest): void {
  for (const argument of manifest.kernel?.arguments ?? []) {
    if (argument.role === "rows" || argument.banks === undefined) continue;
    throw place
      .part(`manifest.json, argument ${argument.index}`)
      .refusal("banks, expected none: aoc decides where buffers lie", CORRECT);
  }
}
