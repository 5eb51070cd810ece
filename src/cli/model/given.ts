/** What `model register` is told, read and checked before a byte is sent. */
import { basename } from "node:path";
import type { Registration } from "../../registry/catalog/registry.ts";
import { VENDORS, type Vendor } from "../../registry/catalog/types.ts";
import { CliError, Exit } from "../io.ts";
import { parseEquivalence } from "./class-syntax.ts";
import { parseName, parseVersion } from "./name.ts";
import { readJsonFile, readSmallFile } from "./read-file.ts";
import { readSignature, type Signature, signWithFile } from "./signature-file.ts";

export interface RegisterFlags {
  readonly name?: string;
  readonly version?: string;
  readonly vendor: string;
  readonly artifact: string;
  readonly sha256?: string;
  readonly manifest?: string;
  readonly config?: string;
  readonly golden?: readonly string[];
  readonly class?: readonly string[];
  readonly signature?: string;
  readonly keyId?: string;
  readonly signWith?: string;
  readonly file?: readonly string[];
  readonly reference?: true;
  readonly promote?: string;
  readonly validateOnly?: true;
  readonly generation?: number;
}

/** A registration whose files have paths instead of digests. */
export interface GivenRegistration {
  readonly vendor: Vendor;
  /** All that needs no digest. */
  readonly told: Omit<Partial<Registration>, "artifact" | "golden" | "files" | "signature">;
  readonly artifact: string;
  /** `--sha256`: what the artifact has to be. */
  readonly digest?: string;
  readonly golden?: { readonly inputs: string; readonly outputs?: string };
  /** By path in the model's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Signature for the digest that the artifact turns out to have. */
  sign(digest: string): Promise<Signature | undefined>;
}

/** @throws CliError naming the flag */
export async function readGiven(flags: RegisterFlags): Promise<GivenRegistration> {
  const vendor = vendorOf(flags.vendor);
  const { manifest, config, reference, promote, validateOnly, generation } = flags;
  const told: GivenRegistration["told"] = {
    ...nameOf(flags),
    vendor,
    file: basename(flags.artifact),
    ...(manifest === undefined ? {} : { manifest: await readJsonFile(manifest, "--manifest") }),
    ...(config === undefined ? {} : { config: await readSmallFile(config, "--config") }),
    ...(flags.class === undefined ? {} : { equivalence: await parseEquivalence(flags.class) }),
    ...(reference === undefined ? {} : { reference }),
    ...(promote === undefined ? {} : { promote }),
    ...(validateOnly === undefined ? {} : { validateOnly }),
    ...(generation === undefined ? {} : { generation }),
  };
  const golden = goldenOf(flags.golden);
  const digest = flags.sha256 === undefined ? undefined : asDigest(flags.sha256);
  return {
    vendor,
    told,
    artifact: flags.artifact,
    ...(digest === undefined ? {} : { digest }),
    ...(golden === undefined ? {} : { golden }),
    files: filesOf(flags.file ?? []),
    sign: await signerOf(flags, vendor),
  };
}

/** `--name jets --version 2`, or `--name jets:2`. */
function nameOf({ name: given, version: told }: RegisterFlags): Partial<Registration> {
  if (given === undefined) return told === undefined ? {} : { version: told };
  const { name, version = told, ...more } = parseName(given);
  if (Object.keys(more).length > 0 || (told !== undefined && told !== version)) {
    throw new CliError(Exit.usage, `--name ${given}: expected NAME and --version, or NAME:VERSION`);
  }
  return version === undefined ? { name } : parseVersion(`${name}:${version}`);
}

function vendorOf(given: string): Vendor {
  const vendor = VENDORS.find((each) => each === given);
  if (vendor !== undefined) return vendor;
  throw new CliError(Exit.usage, `--vendor ${given}: expected one of ${VENDORS.join(", ")}`);
}

function asDigest(given: string): string {
  const [, hex] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(given) ?? [];
  if (hex !== undefined) return `sha256:${hex.toLowerCase()}`;
  throw new CliError(Exit.usage, `--sha256 ${given}: expected 64 hexadecimal digits`);
}

function goldenOf(given: readonly string[] | undefined) {
  if (given === undefined) return undefined;
  const [inputs, outputs, ...more] = given;
  if (inputs !== undefined && more.length === 0) {
    return outputs === undefined ? { inputs } : { inputs, outputs };
  }
  throw new CliError(Exit.usage, "--golden: expected in.npz, or in.npz out.npz");
}

/** `labels.txt`, or `folder/labels.txt=PATH` for a file that lies elsewhere or is called otherwise. */
function filesOf(given: readonly string[]): Readonly<Record<string, string>> {
  const files = new Map<string, string>();
  for (const each of given) {
    const at = each.indexOf("=");
    const [name, path] = at < 0 ? [basename(each), each] : [each.slice(0, at), each.slice(at + 1)];
    if (name === "" || path === "" || files.has(name)) {
      throw new CliError(Exit.usage, `--file ${each}: expected PATH or NAME=PATH, each name once`);
    }
    files.set(name, path);
  }
  return Object.fromEntries(files);
}

async function signerOf(
  { signature, keyId, signWith }: RegisterFlags,
  vendor: Vendor,
): Promise<GivenRegistration["sign"]> {
  if (signature !== undefined && signWith !== undefined) {
    throw new CliError(Exit.usage, "--signature and --sign-with: say one of them");
  }
  if (signature !== undefined) {
    const read = await readSignature(signature, keyId);
    return async () => read;
  }
  if (signWith === undefined) {
    if (keyId === undefined) return async () => undefined;
    throw new CliError(Exit.usage, "--key-id: say what signs, --sign-with or --signature");
  }
  if (keyId !== undefined) return (digest) => signWithFile(signWith, keyId, digest, vendor);
  throw new CliError(Exit.usage, "--sign-with: name the key as trust files do, --key-id");
}
