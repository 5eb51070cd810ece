/** What an artifact for Intel's boards says, checked against its manifest. No device, no native code. */

import { readImage } from "../common/opencl/image.ts";
import { type KernelWiring, wireKernel } from "../common/opencl/wiring.ts";
import {
  type Artifact,
  type ArtifactFacts,
  BackendError,
  type ManifestTensor,
  type TensorSpec,
} from "../contract.ts";
import { inspectIntel } from "./artifact.ts";
import { kernelsOf } from "./source.ts";

/** Where OpenCL C source runs: the emulated boards. */
export const EMULATED_PLATFORM = "pocl";
/** Weights as decimal text: several times what the largest networks on boards need. */
const MOST_SOURCE_BYTES = 16 * 1024 * 1024;

/** @throws BackendError `artifact` */
export async function inspectArtifact(artifact: Artifact): Promise<ArtifactFacts> {
  const { format } = artifact;
  if (format !== "cl" && format !== "aocx" && format !== "aocr") {
    throw new BackendError("artifact", `format "${format}" is not aocx, aocr or cl`);
  }
  const wiring = wireForIntel(artifact);
  if (format === "cl") {
    await readSource(artifact, wiring);
    return { platform: EMULATED_PLATFORM, ...factsOf(wiring), details: detailsOf(wiring) };
  }
  const facts = await inspectIntel(artifact);
  return { ...facts, details: { ...facts.details, ...detailsOf(wiring) } };
}

/** @throws BackendError `artifact` where the manifest is missing or asks for what these boards have not */
export function wireForIntel({ manifest, format }: Artifact): KernelWiring {
  const wiring = wireKernel(manifest, "functions");
  const banked = [...wiring.inputs, ...wiring.outputs].find(({ banks }) => banks !== undefined);
  if (banked !== undefined) {
    throw new BackendError(
      "artifact",
      `manifest: argument ${banked.argument}: "banks" are Xilinx's; Intel's compiler places buffers itself`,
    );
  }
  if (manifest?.artifact.format === format) return wiring;
  throw new BackendError(
    "artifact",
    `manifest: format "${manifest?.artifact.format}" of an artifact that is "${format}"`,
  );
}

/**
 * The source's text, once for checking and compiling.
 * @throws BackendError `artifact` where it is no text, or lacks a kernel of the manifest
 */
export async function readSource(artifact: Artifact, wiring: KernelWiring): Promise<string> {
  const source = await readText(artifact);
  const bad = (reason: string) => new BackendError("artifact", `${artifact.path}: ${reason}`);
  const kernels = kernelsOf(source);
  for (const unit of wiring.unitNames) {
    const kernel = kernels.find(({ name }) => name === unit);
    if (kernel === undefined) {
      const names = kernels.map(({ name }) => `"${name}"`).join(", ");
      throw bad(`no kernel "${unit}"; it has ${names || "none"}`);
    }
    checkParameters(kernel.parameters, wiring, (reason) => bad(`kernel "${unit}": ${reason}`));
  }
  return source;
}

async function readText(artifact: Artifact): Promise<string> {
  const bytes = await readImage(artifact, MOST_SOURCE_BYTES);
  let source: string;
  try {
    source = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BackendError("artifact", `${artifact.path}: is not UTF-8 text`, { cause });
  }
  if (!source.includes("\0")) return source;
  throw new BackendError("artifact", `${artifact.path}: contains a NUL byte: not a source`);
}

/**
 * What a source says of itself; with a manifest, what `inspectArtifact` does.
 * @throws BackendError `artifact`
 */
export async function describeSource(artifact: Artifact): Promise<ArtifactFacts> {
  const { platform, manifest } = artifact;
  if (platform !== "" && platform !== "any" && platform !== EMULATED_PLATFORM) {
    throw new BackendError(
      "artifact",
      `${artifact.path}: is OpenCL C, which platform '${EMULATED_PLATFORM}' compiles, expected '${platform}'; ` +
        "register the image that aoc made of it",
    );
  }
  if (manifest !== undefined) return inspectArtifact(artifact);
  const kernels = kernelsOf(await readText(artifact));
  if (kernels.length === 0) {
    throw new BackendError("artifact", `${artifact.path}: defines no kernel: not OpenCL C`);
  }
  return { platform: EMULATED_PLATFORM, details: { container: "cl", kernels } };
}

function checkParameters(
  parameters: readonly string[],
  wiring: KernelWiring,
  bad: (reason: string) => BackendError,
): void {
  const named = wiring.kernel.arguments.length;
  if (parameters.length !== named) {
    throw bad(`takes ${parameters.length} arguments, the manifest names ${named}`);
  }
  for (const [index, parameter] of parameters.entries()) {
    const isPointer = parameter.includes("*");
    if (isPointer !== (index === wiring.rowsArgument)) continue;
    const wanted = isPointer ? "the number of rows" : "a buffer";
    throw bad(`argument ${index} is "${parameter}", the manifest gives it ${wanted}`);
  }
}

function factsOf({ inputs, outputs }: KernelWiring) {
  return {
    inputs: inputs.map(({ tensor }) => specOf(tensor)),
    outputs: outputs.map(({ tensor }) => specOf(tensor)),
    batchable: true,
  };
}

function specOf({ name, datatype, shape }: ManifestTensor): TensorSpec {
  return { name, datatype, shape: [-1, ...shape] };
}

function detailsOf({ kernel, unitNames }: KernelWiring) {
  const { rowsPerCall } = kernel;
  return { kernels: unitNames, ...(rowsPerCall === undefined ? {} : { rowsPerCall }) };
}
