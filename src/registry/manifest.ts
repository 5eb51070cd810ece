/** `manifest.json` of a variant: read, and checked by itself. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import {
  type ArtifactManifest,
  BYTES_PER_ELEMENT,
  type FixedDatatype,
} from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";

export const MANIFEST_FILE = "manifest.json";
const MAX_MANIFEST_BYTES = 1024 * 1024;

const text = () => z.string().min(1).max(1024);
const count = (least: number, most: number) => z.int().min(least).max(most);
const DATATYPES = Object.keys(BYTES_PER_ELEMENT) as [FixedDatatype, ...FixedDatatype[]];

const fixedPoint = z.strictObject({
  w: count(1, 64),
  i: count(-1024, 1024),
  signed: z.boolean(),
  q: z.enum([
    "TRN",
    "TRN_ZERO",
    "RND",
    "RND_ZERO",
    "RND_MIN_INF",
    "RND_INF",
    "RND_CONV",
    "RND_CONV_ODD",
  ]),
  o: z.enum(["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"]),
});

const tensor = z.strictObject({
  name: text(),
  datatype: z.enum(DATATYPES),
  shape: z.array(count(1, 2 ** 31 - 1)).max(16),
  encoding: fixedPoint.optional(),
  storageBits: z.literal([8, 16, 32, 64]).optional(),
  rowBytes: count(1, 2 ** 31 - 1).optional(),
});

const argument = z.discriminatedUnion("role", [
  z.strictObject({
    index: count(0, 1023),
    role: z.literal("input"),
    tensor: text(),
    banks: z.array(count(0, 1023)).max(1024).optional(),
  }),
  z.strictObject({
    index: count(0, 1023),
    role: z.literal("output"),
    tensor: text(),
    banks: z.array(count(0, 1023)).max(1024).optional(),
  }),
  z.strictObject({ index: count(0, 1023), role: z.literal("rows") }),
]);

const kernel = z.strictObject({
  name: text(),
  computeUnits: z.array(text()).max(1024),
  arguments: z.array(argument).min(1).max(1024),
  rowsPerCall: count(1, 2 ** 24).optional(),
  buffersPerUnit: count(1, 64).optional(),
});

const manifestSchema = z.strictObject({
  manifest: z.literal(1),
  backend: text(),
  vendor: text(),
  artifact: z.strictObject({
    file: text().refine(isPlainName, "expected the name of a file beside the manifest"),
    format: text(),
    platform: text(),
    digest: z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, "expected sha256:<64 hexadecimal digits>")
      .optional(),
  }),
  numericClass: text(),
  inputs: z.array(tensor).min(1).max(1024),
  outputs: z.array(tensor).min(1).max(1024),
  kernel: kernel.optional(),
  parameters: z.record(z.string(), z.string()).optional(),
});

/** @throws StatusError INVALID_ARGUMENT naming the file, the key and what was expected there */
export async function readManifest(folder: string): Promise<ArtifactManifest> {
  const path = join(folder, MANIFEST_FILE);
  let written: unknown;
  try {
    written = JSON.parse(await readBounded(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(`'${path}' cannot be read: ${reason}`, cause);
  }
  return parseManifest(written, path);
}

/**
 * @param path what to call it in errors
 * @throws StatusError INVALID_ARGUMENT as `readManifest`
 */
export function parseManifest(written: unknown, path: string): ArtifactManifest {
  const read = manifestSchema.safeParse(written);
  if (!read.success) {
    const [issue] = read.error.issues;
    const key = issue?.path.join(".") || "the document";
    throw invalid(`'${path}': ${key}: ${issue?.message ?? "is no manifest"}`);
  }
  const manifest = read.data as ArtifactManifest;
  checkReferences(manifest, path);
  return manifest;
}

function checkReferences({ inputs, outputs, kernel }: ArtifactManifest, path: string): void {
  const names = [...inputs, ...outputs].map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw invalid(`'${path}': two tensors are called '${twice}'`);
  if (kernel === undefined) return;
  const indices = new Set<number>();
  const passed = new Set<string>();
  for (const argument of kernel.arguments) {
    const place = `'${path}': argument ${argument.index} of kernel ${kernel.name}`;
    if (indices.has(argument.index)) throw invalid(`${place} is listed twice`);
    indices.add(argument.index);
    if (argument.role === "rows") continue;
    const known = argument.role === "input" ? inputs : outputs;
    if (!known.some(({ name }) => name === argument.tensor)) {
      const expected = known.map(({ name }) => name).join(", ");
      throw invalid(`${place} passes ${argument.role} '${argument.tensor}'; there are ${expected}`);
    }
    passed.add(argument.tensor);
    const { banks } = argument;
    if (banks !== undefined && banks.length !== Math.max(1, kernel.computeUnits.length)) {
      throw invalid(`${place} names ${banks.length} banks for ${kernel.computeUnits.length} units`);
    }
  }
  const unpassed = names.find((name) => !passed.has(name));
  if (unpassed !== undefined) {
    throw invalid(`'${path}': no argument of kernel ${kernel.name} passes tensor '${unpassed}'`);
  }
}

function isPlainName(name: string): boolean {
  return !/[/\\\0]/.test(name) && name !== "." && name !== "..";
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_MANIFEST_BYTES) {
      throw new Error(`it has ${size} bytes, at most ${MAX_MANIFEST_BYTES} are read`);
    }
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}
