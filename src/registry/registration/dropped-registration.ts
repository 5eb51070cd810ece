/** What lies in a watched folder, uploaded, as a registration. */
import { constants } from "node:fs";
import { type FileHandle, open, readlink, realpath } from "node:fs/promises";
import { basename, sep } from "node:path";
import { z } from "zod";
import { StatusError } from "../../errors.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import type { Blobs } from "../../store/store.ts";
import { type Digest, type Registration, VENDORS } from "../catalog/types.ts";
import { MAX_CONFIG_BYTES } from "../config-pbtxt.ts";
import type { DropUnit } from "./drop-scan.ts";

/** In an error that lists them. */
const MOST_NAMES = 8;
const MAX_JSON_BYTES = 1024 * 1024;

export interface DropReading {
  readonly root: string;
  readonly blobs: Pick<Blobs, "put">;
  readonly maxArtifactBytes: number;
  readonly signal: AbortSignal;
}

/** Shape only: what a class means is judged by the check `equivalence`. */
const judged = z.looseObject({
  kind: z.enum(["bit-exact", "ulp", "abs-rel", "fixed-point", "physics"]),
});
const equivalenceSchema = z.strictObject({
  class: judged,
  outputs: z.record(z.string(), judged).optional(),
});
const signatureSchema = z.looseObject({ keyId: z.string(), value: z.string() });
const namedSchema = z.looseObject({
  vendor: z.enum(VENDORS),
  artifact: z.looseObject({ file: z.string() }),
});

/** @throws StatusError INVALID_ARGUMENT for what cannot become one; what the store throws */
export async function droppedRegistration(
  unit: DropUnit,
  reading: DropReading,
): Promise<Registration> {
  const { model: name, version } = unit;
  const config = unit.config && (await textOf(unit.config, reading, MAX_CONFIG_BYTES));
  const manifest = unit.manifest === undefined ? undefined : await jsonOf(unit.manifest, reading);
  const { vendor, path, beside } = artifactOf(unit, manifest);
  const files: Record<string, Digest> = {};
  for (const [file, lies] of unit.labels) {
    if (config?.includes(`"${file}"`) === true) files[file] = await put(lies, reading);
  }
  for (const [file, lies] of beside) files[`${version}/${file}`] = await put(lies, reading);
  const { golden, signature, equivalence } = unit;
  return {
    ...{ name, version, vendor, file: basename(path), artifact: await put(path, reading), files },
    ...(manifest === undefined ? {} : { manifest }),
    ...(config === undefined ? {} : { config }),
    ...(golden === undefined
      ? {}
      : {
          golden: {
            inputs: await put(golden.inputs, reading),
            ...(golden.outputs === undefined
              ? {}
              : { outputs: await put(golden.outputs, reading) }),
          },
        }),
    ...(signature === undefined
      ? {}
      : { signature: await parsed(signature, reading, signatureSchema) }),
    ...(equivalence === undefined
      ? {}
      : { equivalence: (await parsed(equivalence, reading, equivalenceSchema)) as Equivalence }),
  };
}

function artifactOf(unit: DropUnit, manifest: unknown) {
  if (unit.artifact !== undefined) {
    return { vendor: "cpu" as const, path: unit.artifact, beside: unit.beside };
  }
  if (unit.manifest === undefined) throw nothingIn(unit);
  const read = namedSchema.safeParse(manifest);
  if (!read.success) throw invalid(`${unit.manifest}: ${firstIssue(read.error)}`);
  const { vendor, artifact } = read.data;
  const path = unit.beside.get(artifact.file);
  if (path !== undefined) return { vendor, path, beside: new Map<string, string>() };
  throw invalid(`${unit.manifest}: there is no plain file '${artifact.file}' beside it`);
}

function nothingIn({ folder, beside }: DropUnit): StatusError {
  const found = [...beside.keys()].slice(0, MOST_NAMES).join(", ");
  return invalid(
    `${folder}: there is nothing to register, but ${found}; expected a plain file model.onnx, or one other ONNX file, ` +
      "or folders with a manifest.json and the artifact that it names (links and pipes are not followed)",
  );
}

async function parsed<T>(path: string, reading: DropReading, schema: z.ZodType<T>): Promise<T> {
  const read = schema.safeParse(await jsonOf(path, reading));
  if (read.success) return read.data;
  throw invalid(`${path}: ${firstIssue(read.error)}`);
}

function firstIssue({ issues }: z.ZodError): string {
  const [issue] = issues;
  return `${issue?.path.join(".") || "the document"}: ${issue?.message}`;
}

async function jsonOf(path: string, reading: DropReading): Promise<unknown> {
  const text = await textOf(path, reading, MAX_JSON_BYTES);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`${path}: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
}

async function textOf(path: string, { root }: DropReading, maxBytes: number): Promise<string> {
  const file = await openPlain(path, root);
  try {
    const { size } = await file.stat();
    if (size > maxBytes) throw invalid(`${path}: ${size} bytes, at most ${maxBytes} are read`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

async function put(
  path: string,
  { root, blobs, maxArtifactBytes, signal }: DropReading,
): Promise<Digest> {
  const file = await openPlain(path, root);
  try {
    const source = file.createReadStream({ highWaterMark: 1024 * 1024, autoClose: false });
    return (await blobs.put(source, { maxBytes: maxArtifactBytes, signal })).digest;
  } finally {
    await file.close();
  }
}

/**
 * A link that took a file's or a folder's place since it was looked at leads nowhere; a pipe is not waited for.
 * @throws StatusError INVALID_ARGUMENT
 */
async function openPlain(path: string, root: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(path, flags).catch((cause: unknown) => {
    throw invalid(
      `${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`,
      cause,
    );
  });
  try {
    // Of what was opened; where the system does not tell, of the path a moment later.
    const real = await readlink(`/proc/self/fd/${file.fd}`).catch(() => realpath(path));
    if (!(await file.stat()).isFile()) throw invalid(`${path} is no plain file`);
    if (real.startsWith(`${await realpath(root)}${sep}`)) return file;
    throw invalid(`${path} leads out of the watched folder`);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}
