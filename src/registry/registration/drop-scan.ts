/**
 * What lies in a watched folder, in Triton's layout: `<model>/<version>/model.onnx`, and
 * `<model>/<version>/<variant>/manifest.json` with its artifact. Links are not followed, neither to files nor to
 * folders: whoever may write here would otherwise choose what the gateway reads.
 */
import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST_FILE } from "../manifest.ts";

export const OUTCOME_FILE = "registration.json";
export const CONFIG_FILE = "config.pbtxt";
/** `{ "keyId": ..., "value": ... }` beside an artifact, as `beamgate model sign` writes it. */
export const SIGNATURE_FILE = "signature.json";
/** A class of `Equivalence`, beside an artifact. */
export const EQUIVALENCE_FILE = "equivalence.json";
const GOLDEN = { inputs: "golden-inputs.npz", outputs: "golden-outputs.npz" } as const;

/** More in one folder are a mistake. */
const MAX_ENTRIES = 10_000;
const VERSION = /^[1-9]\d{0,14}$/;

/** One artifact with what belongs to it. All paths are those of plain files, as they were a moment ago. */
export interface DropUnit {
  /** Where its outcome is written. */
  readonly folder: string;
  readonly model: string;
  readonly version: string;
  /** undefined: nobody knows yet, the manifest names it; without one there is nothing to register in the folder. */
  readonly artifact: string | undefined;
  readonly manifest: string | undefined;
  readonly config: string | undefined;
  /** Without outputs: those of the reference. */
  readonly golden: { readonly inputs: string; readonly outputs: string | undefined } | undefined;
  readonly signature: string | undefined;
  readonly equivalence: string | undefined;
  /** Files of the model's folder, by name: those that the configuration names are taken along. */
  readonly labels: ReadonlyMap<string, string>;
  /** Files beside an ONNX file, by name; those beside a manifest, of which one is the artifact. */
  readonly beside: ReadonlyMap<string, string>;
  /** Equal: nothing of it changed. */
  readonly fingerprint: string;
}

interface Found {
  readonly files: ReadonlyMap<string, string>;
  readonly folders: readonly string[];
  /** Links, pipes, ...: what is neither, by name. */
  readonly others: ReadonlyMap<string, string>;
}

/** Versions in the order of their numbers, an ONNX file before the variants beside it: it may be their reference. */
export async function scanDropFolder(root: string): Promise<readonly DropUnit[]> {
  const units: DropUnit[] = [];
  for (const model of (await look(root)).folders) {
    const own = await look(join(root, model));
    const versions = own.folders.filter((name) => VERSION.test(name));
    versions.sort((one, other) => Number(one) - Number(other));
    for (const version of versions) {
      units.push(...(await unitsOf(join(root, model, version), model, version, own.files)));
    }
  }
  return units;
}

async function unitsOf(
  folder: string,
  model: string,
  version: string,
  ofModel: ReadonlyMap<string, string>,
): Promise<readonly DropUnit[]> {
  const { files, folders, others } = await look(folder);
  const [inputs, outputs] = [files.get(GOLDEN.inputs), files.get(GOLDEN.outputs)];
  const golden = inputs === undefined ? undefined : { inputs, outputs };
  const common = {
    model,
    version,
    config: ofModel.get(CONFIG_FILE),
    golden,
    labels: without(ofModel),
  };
  const units: DropUnit[] = [];
  const artifact = files.get("model.onnx") ?? onlyOnnx(files);
  if (artifact !== undefined) {
    const beside = new Map([...without(files)].filter(([, path]) => path !== artifact));
    units.push(await unit({ ...common, folder, artifact, manifest: undefined, beside }, files));
  }
  for (const variant of folders) {
    const own = await look(join(folder, variant));
    const manifest = own.files.get(MANIFEST_FILE);
    if (manifest === undefined) continue;
    const given = { ...common, folder: join(folder, variant), artifact: undefined, manifest };
    units.push(await unit({ ...given, beside: without(own.files) }, own.files, files));
  }
  const found = new Map([...without(files), ...others, ...placesOf(folder, folders)]);
  if (units.length === 0 && found.size > 0) {
    const nothing = { artifact: undefined, manifest: undefined, beside: found };
    units.push(await unit({ ...common, folder, ...nothing }, files));
  }
  return units;
}

const placesOf = (folder: string, names: readonly string[]) =>
  names.map((name) => [name, join(folder, name)] as const);

type Told = Omit<DropUnit, "fingerprint" | "signature" | "equivalence">;

async function unit(
  told: Told,
  own: ReadonlyMap<string, string>,
  ofVersion: ReadonlyMap<string, string> = own,
): Promise<DropUnit> {
  const signature = own.get(SIGNATURE_FILE);
  const equivalence = own.get(EQUIVALENCE_FILE) ?? ofVersion.get(EQUIVALENCE_FILE);
  const { artifact, manifest, config, golden, labels, beside } = told;
  const all = [artifact, manifest, config, golden?.inputs, golden?.outputs, signature, equivalence];
  const paths = new Set([...all, ...labels.values(), ...beside.values()]);
  return { ...told, signature, equivalence, fingerprint: await fingerprintOf(paths) };
}

/** Sizes and times: what is still being written changes in them. */
async function fingerprintOf(paths: ReadonlySet<string | undefined>): Promise<string> {
  const hash = createHash("sha256");
  for (const path of [...paths].filter((each) => each !== undefined).sort()) {
    const facts = await lstat(path).catch(() => undefined);
    hash.update(`${path}\n${facts?.size} ${facts?.mtimeMs} ${facts?.ctimeMs} ${facts?.ino}\n`);
  }
  return hash.digest("hex");
}

/** Plain files and folders; hidden ones are those of editors and copiers. */
async function look(folder: string): Promise<Found> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => []);
  const shown = entries
    .filter(({ name }) => !name.startsWith(".") && !name.endsWith("~"))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .slice(0, MAX_ENTRIES);
  return {
    files: new Map(
      shown.filter((entry) => entry.isFile()).map(({ name }) => [name, join(folder, name)]),
    ),
    folders: shown.filter((entry) => entry.isDirectory()).map(({ name }) => name),
    others: new Map(
      shown
        .filter((entry) => !entry.isFile() && !entry.isDirectory())
        .map(({ name }) => [name, join(folder, name)]),
    ),
  };
}

const OURS: readonly string[] = [
  OUTCOME_FILE,
  CONFIG_FILE,
  MANIFEST_FILE,
  SIGNATURE_FILE,
  EQUIVALENCE_FILE,
  GOLDEN.inputs,
  GOLDEN.outputs,
];

const without = (files: ReadonlyMap<string, string>) =>
  new Map([...files].filter(([name]) => !OURS.includes(name)));

function onlyOnnx(files: ReadonlyMap<string, string>): string | undefined {
  const [only, ...others] = [...files].filter(([name]) => name.endsWith(".onnx"));
  return others.length === 0 ? only?.[1] : undefined;
}
