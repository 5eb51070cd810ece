/** What is checked: bytes in a file, and whatever was told about them. */
import type { ArtifactReader, Device } from "../../../backends/contract.ts";
import type { Equivalence } from "../../policy/equivalence/types.ts";
import type { CatalogVersion, Digest, Vendor } from "../catalog/types.ts";
import type { InspectingModule } from "../modules.ts";
import type { Trust } from "../trust/trust.ts";
import type { VendorRules } from "../vendors/vendor-rules.ts";

export interface Candidate {
  readonly name?: string;
  readonly version?: string;
  readonly vendor?: Vendor;
  /** Where the bytes lie; the name of the file means nothing. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Of these bytes, as somebody hashed them. */
  readonly digest?: Digest;
  /** As it was given. */
  readonly file: string;
  /** As it was written. */
  readonly manifest?: unknown;
  /** Text of a config.pbtxt. */
  readonly config?: string;
  /** Paths of npz files. */
  readonly golden?: { readonly inputs: string; readonly outputs?: string };
  readonly equivalence?: Equivalence;
  readonly signature?: { readonly keyId: string; readonly value: string };
  /** By path in the model's folder: where the bytes lie. */
  readonly files: ReadonlyMap<string, string>;
  /** The version as the registry has it already. */
  readonly existing?: CatalogVersion;
  /** Registered before, and looked at once more: who signed it was judged then. */
  readonly again?: boolean;
  /** True for a registration, where what is needed and missing is a failure; a dry run skips its check. */
  readonly whole: boolean;
}

/** What candidates are checked against. */
export interface Checkers {
  readonly rules: VendorRules;
  readonly readers: readonly ArtifactReader[];
  /** The backends of this gateway. */
  readonly modules: readonly InspectingModule[];
  /** Those that are known now; empty: nobody knows any. */
  devices(): readonly Device[];
  readonly trust: Trust;
  readonly maxArtifactBytes: number;
  /** A folder of this process on the file system of the blobs, for files that are read together. */
  readonly workFolder: () => Promise<string>;
}
