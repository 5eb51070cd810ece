/** A zip with several files that belong together: what is in it, without unpacking it. */
import { type Entry, open, type ZipFile } from "yauzl";
import { type Artifact, type ArtifactFacts, BackendError } from "../../../backends/contract.ts";

export interface BundleMember {
  /** As it is written, right or wrong. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly packedBytes: number;
  /** What unpackers would make of it. */
  readonly kind: "file" | "folder" | "link" | "other";
  readonly encrypted: boolean;
}

export const MOST_MEMBERS = 10_000;

/** @throws BackendError `artifact` where it is no zip that can be read */
export async function readBundle({ path }: Artifact): Promise<ArtifactFacts> {
  let zip: ZipFile | undefined;
  try {
    zip = await opened(path);
    const members = await membersOf(zip);
    return { platform: "any", details: { container: "bundle", members } };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(
      "artifact",
      `cannot serve the zip file: ${reason}; pack it again, as a zip of at most ${MOST_MEMBERS} files`,
      { cause },
    );
  } finally {
    zip?.close();
  }
}

/** Names are judged by the check `archive`: the reader takes them as they are. */
function opened(path: string): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    open(path, { lazyEntries: true, autoClose: false, decodeStrings: false }, (error, zip) =>
      error ? reject(error) : resolve(zip),
    );
  });
}

function membersOf(zip: ZipFile): Promise<readonly BundleMember[]> {
  return new Promise((resolve, reject) => {
    const members: BundleMember[] = [];
    zip.on("error", reject);
    zip.on("end", () => resolve(members));
    zip.on("entry", (entry: Entry) => {
      members.push(memberOf(entry));
      if (members.length > MOST_MEMBERS) reject(new Error("it has too many files"));
      else zip.readEntry();
    });
    zip.readEntry();
  });
}

/** Mode of a Unix file, in the upper half of the external attributes (APPNOTE 4.4.15). */
const FILE_TYPE = 0o170000;
const TYPES: ReadonlyMap<number, BundleMember["kind"]> = new Map([
  [0, "file"],
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);

function memberOf(entry: Entry): BundleMember {
  // A Buffer, as strings are not decoded; UTF-8 whatever the entry claims: a path is compared, not shown.
  const path = Buffer.from(entry.fileName as unknown as Buffer).toString("utf8");
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  const kind = TYPES.get(type) ?? "other";
  return {
    path,
    sizeBytes: entry.uncompressedSize,
    packedBytes: entry.compressedSize,
    kind: kind === "file" && path.endsWith("/") ? "folder" : kind,
    encrypted: (entry.generalPurposeBitFlag & 1) !== 0,
  };
}
