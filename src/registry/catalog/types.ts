/**
 * What the registry keeps of models that were registered: plain JSON, one record a model, replaced as a
 * whole by every change. Artifacts, golden files and verdicts are blobs by digest.
 */
import type { ArtifactManifest } from "../../../backends/contract.ts";
import type {
  BatchInvariance,
  Equivalence,
  OutputErrors,
  PhysicsFigures,
} from "../../policy/equivalence/types.ts";
import type { Owner } from "../../store/owner.ts";
import type { ModelConfigObject } from "../types.ts";

/** A registry each: rules, retention and a signing key of its own. */
export const VENDORS = ["xilinx", "intel", "nvidia", "arm", "cpu"] as const;
export type Vendor = (typeof VENDORS)[number];

/** `sha256:<64 hexadecimal digits>`. */
export type Digest = string;

export interface CatalogModel {
  readonly name: string;
  /** By version, decimal without leading zeros. */
  readonly versions: Readonly<Record<string, CatalogVersion>>;
  /** `production` takes requests that name no version, `candidate` a share of them. */
  readonly aliases: Readonly<Record<string, Alias>>;
  /** What each alias pointed at before, newest last; a rollback takes one off. */
  readonly aliasHistory: readonly AliasChange[];
}

export interface Alias {
  readonly version: string;
  /** For `candidate`: share of the requests without a version that it gets, 0 to 1. */
  readonly weight?: number;
  /** Share of the live requests of `production` that its version is given to compute again, unseen by clients, 0 to 1. */
  readonly shadowShare?: number;
}

export interface AliasChange extends Alias {
  readonly alias: string;
  readonly at: string;
  readonly by: string;
}

export interface CatalogVersion {
  readonly version: string;
  /** ModelConfig as the gateway would complete it, without name and version_policy. */
  readonly config: ModelConfigObject;
  readonly equivalence: Equivalence;
  readonly golden?: GoldenFiles;
  /** Artifact whose outputs are the truth; absent: the golden outputs were given. */
  readonly reference?: Digest;
  /** At most one a vendor and platform that is not retired or refused. */
  readonly artifacts: readonly CatalogArtifact[];
  /** Files beside the artifacts, such as labels: by path in the model's folder. */
  readonly files?: Readonly<Record<string, Digest>>;
}

export interface GoldenFiles {
  /** npz: an array a tensor, axis 0 = rows. */
  readonly inputs: Digest;
  readonly outputs: Digest;
  readonly rows: number;
  /** `generated`: by the gateway from this seed, outputs by the reference artifact. */
  readonly source: "given" | "generated";
  readonly seed?: number;
}

export type ArtifactState = "uploaded" | "validated" | "verified" | "ready" | "retired" | "refused";

export interface CatalogArtifact {
  readonly digest: Digest;
  /** Name of the variant: the vendor's word, or `<vendor>-<platform>` where a version has two of one vendor. */
  readonly variant: string;
  readonly vendor: Vendor;
  readonly backend: string;
  readonly platform: string;
  readonly format: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly numericClass: string;
  /** Absent for an artifact that says everything itself (ONNX). */
  readonly manifest?: ArtifactManifest;
  /** What the reader found, for people. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** In place of the version's. */
  readonly equivalence?: Equivalence;
  readonly checks: readonly CheckResult[];
  readonly signature?: { readonly keyId: string; readonly value: string };
  readonly state: ArtifactState;
  /** Why it is refused, retired, or stays where it is. */
  readonly reason?: string;
  /** Blob of the signed verdict, newest. */
  readonly verdict?: Digest;
  /** A summary of it, for lists. */
  readonly verdictSummary?: VerdictSummary;
  readonly pinned?: { readonly by: string; readonly at: string; readonly note: string };
  readonly registeredBy: string;
  readonly registeredAt: string;
  /** While its registration goes on. */
  readonly underway?: Underway;
}

/** Who works on an artifact, and what was asked for: another process goes on where that one dies. */
export interface Underway {
  readonly owner: Owner;
  /** ISO 8601. */
  readonly since: string;
  readonly registration: Registration;
}

/** Everything that is told about an artifact at its registration, beside its bytes. */
export interface Registration {
  readonly name: string;
  readonly version: string;
  readonly vendor: Vendor;
  /** Uploaded before (`Blobs`). */
  readonly artifact: Digest;
  /** Name of the file as it was given; its ending may tell the format. */
  readonly file: string;
  /** As written; absent for ONNX. */
  readonly manifest?: unknown;
  /** Text of a config.pbtxt; absent: that of the version, or completed from the artifact. */
  readonly config?: string;
  /** Without outputs: those of the reference. */
  readonly golden?: { readonly inputs: Digest; readonly outputs?: Digest };
  readonly equivalence?: Equivalence;
  readonly signature?: { readonly keyId: string; readonly value: string };
  readonly files?: Readonly<Record<string, Digest>>;
  /** The version's reference from now on: its outputs are the golden ones where none are given. */
  readonly reference?: boolean;
  /** An alias to move to the version when it is ready. */
  readonly promote?: string;
  /** Stop after the checks: no gate. */
  readonly validateOnly?: boolean;
  /** Generation of the model that it was made from; absent: any. */
  readonly generation?: number;
}

/** One named check of a registration. */
export interface CheckResult {
  readonly check: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What was read and what was expected; for `skipped`, why. */
  readonly reason: string;
  /** What to do about it, where it failed. */
  readonly remedy?: string;
}

export interface VerdictSummary {
  readonly passed: boolean;
  readonly emulated: boolean;
  readonly device: string;
  readonly rows: number;
  /** Largest error over all outputs, in the unit of its class. */
  readonly worst: number;
  readonly unit: string;
  readonly batchInvariant: boolean;
  readonly at: string;
}

/** What the gate found about one artifact on one device. Stored as a blob, signed with the vendor registry's key. */
export interface Verdict {
  readonly verdict: 1;
  readonly model: string;
  readonly version: string;
  readonly artifact: Digest;
  readonly golden: { readonly inputs: Digest; readonly outputs: Digest };
  /** Artifact that made the golden outputs, or `given`. */
  readonly reference: Digest;
  readonly equivalence: Equivalence;
  readonly device: {
    readonly id: string;
    readonly vendor: string;
    readonly platform: string;
    readonly emulated: boolean;
  };
  readonly software: string;
  readonly passed: boolean;
  /** Of what failed: `numeric-equivalence`, `batch-invariance`, or what the load or an execution threw. */
  readonly failedCheck?: string;
  readonly reason?: string;
  readonly rows: number;
  readonly outputs: readonly OutputErrors[];
  readonly physics?: PhysicsFigures;
  readonly batchInvariance: BatchInvariance;
  readonly at: string;
  readonly tookMs: number;
}

export interface SignedVerdict {
  readonly verdict: Verdict;
  /** Ed25519 over the canonical JSON of `verdict`. */
  readonly signature: { readonly keyId: string; readonly value: string };
}

/** One line of the audit log. */
export interface AuditEntry {
  readonly at: string;
  readonly who: string;
  readonly action: string;
  readonly model: string;
  readonly version?: string;
  readonly artifact?: Digest;
  /** Generation of the model's record that the action made. */
  readonly generation?: number;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Of a line that was completed later, as who did it died before it was written. */
  readonly writtenAt?: string;
}
