/** Which model of the far servers a variant stands for. */
import { open, stat } from "node:fs/promises";
import { type Artifact, BackendError, type ModelVariant } from "../contract.ts";
import type { FarModel } from "./codec/infer-request.ts";

/** Format of the artifact, where there is one. */
export const FORMAT = "remote";
const MAX_BYTES = 64 * 1024;

/**
 * `{ "model": "jets", "version": "3" }`, both optional. A folder stands for no file at all.
 * @throws BackendError `artifact`
 */
export async function readRemoteFile(path: string): Promise<Partial<FarModel>> {
  let written: unknown;
  try {
    if ((await stat(path)).isDirectory()) return {};
    written = JSON.parse(await readBounded(path));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalid(path, `cannot be read: ${reason}`, cause);
  }
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    throw invalid(path, 'must hold an object: { "model": <name>, "version": <number as a text> }');
  }
  const fields = new Map<string, unknown>(Object.entries(written));
  const strange = [...fields.keys()].find((key) => key !== "model" && key !== "version");
  if (strange !== undefined)
    throw invalid(path, `has no key "${strange}"; there are model, version`);
  const [name, version] = ["model", "version"].map((key) => textOf(fields.get(key), key, path));
  return { ...(name === undefined ? {} : { name }), ...(version === undefined ? {} : { version }) };
}

/** By its artifact, else by its configuration's parameters, else its own name and the newest version. */
export async function farModelOf(variant: ModelVariant): Promise<FarModel> {
  const { artifact, model, parameters = {} } = variant;
  const written = await fileOf(artifact);
  const name = written.name ?? parameters["remote_model"];
  const version = written.version ?? parameters["remote_version"] ?? "";
  if (!/^[0-9]{0,19}$/.test(version)) {
    throw new BackendError("artifact", `remote_version must be a number, not "${version}"`);
  }
  return { name: name || model, version };
}

async function fileOf({ path, manifest }: Artifact): Promise<Partial<FarModel>> {
  const { remote_model: name, remote_version: version } = manifest?.parameters ?? {};
  const stated = { ...(name ? { name } : {}), ...(version ? { version } : {}) };
  return { ...stated, ...(await readRemoteFile(path)) };
}

function textOf(value: unknown, key: string, path: string): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw invalid(path, `${key} must be a text`);
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, at most ${MAX_BYTES} are read`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

function invalid(path: string, what: string, cause?: unknown): BackendError {
  return new BackendError("artifact", `'${path}' ${what}`, { cause });
}
