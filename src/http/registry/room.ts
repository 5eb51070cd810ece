/** What the routes of the registry are handed; they know no store. */
import type { Logger } from "../../logger.ts";
import type { ModelRegistry } from "../../registry/catalog/registry.ts";
import type { Vendor } from "../../registry/catalog/types.ts";
import type { ListedArtifact } from "./listed.ts";

export interface RegistryRoom {
  readonly registry: ModelRegistry;
  readonly uploads: UploadPlace;
  /** `registry.maxArtifactBytes` */
  readonly maxArtifactBytes: number;
  /** Rules and keys of each vendor's registry; what they hold is counted here. */
  vendors(): Promise<readonly VendorFacts[]>;
  /** What serves from folders in Triton's layout and nobody registered. */
  unregistered?(): readonly ListedArtifact[];
  readonly log: Logger;
}

/** Where bytes are kept: the part of a store's blobs that clients reach. */
export interface UploadPlace {
  /** undefined: there is no blob with this digest. */
  size(digest: string): Promise<number | undefined>;
  openUpload(digest: string): Promise<UploadInPieces>;
}

export interface UploadInPieces {
  readonly receivedBytes: number;
  /**
   * What came before `source` throws stays. A piece is the source's again when the next one is asked for.
   * @returns the bytes that are there now
   */
  append(offset: number, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<number>;
  finish(): Promise<{ readonly digest: string; readonly sizeBytes: number }>;
}

export interface PublicKey {
  readonly keyId: string;
  /** Ed25519, PEM. */
  readonly publicKey: string;
  /** ISO 8601; absent: it does not expire. */
  readonly notAfter?: string;
}

export interface VendorFacts {
  readonly vendor: Vendor;
  /** Signs the verdicts of this vendor's artifacts; absent: it has signed none yet. */
  readonly key?: PublicKey;
  /** Whose signatures of artifacts are believed. */
  readonly trusted: readonly PublicKey[];
  /** By name, for people: whether a signature is needed, what is kept. */
  readonly rules: Readonly<Record<string, boolean | number | string>>;
}
