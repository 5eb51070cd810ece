/** What was uploaded and told, as something that can be checked. */
import { StatusError } from "../../errors.ts";
import type { Blobs } from "../../store/store.ts";
import type { CatalogArtifact, CatalogVersion, Digest, Registration } from "../catalog/types.ts";
import type { Candidate } from "./candidate.ts";

type StoredBytes = Pick<Blobs, "has" | "path" | "size">;

/**
 * @throws StatusError INVALID_ARGUMENT where no artifact is named; NOT_FOUND naming what was not uploaded
 */
export async function candidateOf(
  registration: Partial<Registration>,
  existing: CatalogVersion | undefined,
  blobs: StoredBytes,
  whole: boolean,
): Promise<Candidate> {
  const { artifact, golden, files = {}, file = "artifact", ...told } = registration;
  if (artifact === undefined) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      "no artifact was given: upload one, and name its digest",
    );
  }
  const path = await pathOf(blobs, artifact, `artifact '${file}'`);
  const paths = new Map<string, string>();
  for (const [name, digest] of Object.entries(files)) {
    paths.set(name, await pathOf(blobs, digest, `file '${name}'`));
  }
  const pair = golden && {
    inputs: await pathOf(blobs, golden.inputs, "golden inputs"),
    ...(golden.outputs !== undefined && {
      outputs: await pathOf(blobs, golden.outputs, "golden outputs"),
    }),
  };
  const { name, version, vendor, manifest, config, equivalence, signature } = told;
  return {
    ...defined({ name, version, vendor, config, equivalence, signature, existing }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(pair === undefined ? {} : { golden: pair }),
    path,
    sizeBytes: (await blobs.size(artifact)) ?? 0,
    digest: artifact,
    file,
    files: paths,
    whole,
  };
}

/** What is registered already, as it was told. */
export function registrationOf(
  name: string,
  { version, files = {} }: CatalogVersion,
  artifact: CatalogArtifact,
): Registration {
  const { vendor, digest, file, manifest, signature, equivalence } = artifact;
  return {
    ...{ name, version, vendor, artifact: digest, file, files },
    ...defined({ manifest, signature, equivalence }),
  };
}

async function pathOf(blobs: StoredBytes, digest: Digest, what: string): Promise<string> {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
    const expected = "expected sha256:<64 hexadecimal digits>";
    throw new StatusError("INVALID_ARGUMENT", `${what}: '${digest}' is no digest, ${expected}`);
  }
  // Asked in this way it is also kept until a record names it.
  if (await blobs.has(digest)) return blobs.path(digest);
  throw new StatusError("NOT_FOUND", `${what} (${digest}) is not in the store: upload it first`);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(members: T): Defined<T> {
  const known = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as Defined<T>;
}
