/** The registry of models as whoever serves it or talks to it sees it: HTTP, the command line, the gateway. */
import type {
  Alias,
  AuditEntry,
  CatalogArtifact,
  CatalogModel,
  CheckResult,
  Digest,
  Registration,
  SignedVerdict,
} from "./types.ts";

export type { Registration };

/** What a step of a registration tells while it goes on. */
export interface RegistrationEvent {
  readonly step: "check" | "gate" | "publish";
  readonly check?: CheckResult;
  readonly doneRows?: number;
  readonly rows?: number;
}

export interface RegistrationReport {
  /** Of the model's record; 0 for a dry run. */
  readonly generation: number;
  /** The same artifact was registered before: nothing was changed. */
  readonly unchanged: boolean;
  readonly artifact: CatalogArtifact;
  readonly checks: readonly CheckResult[];
}

/** What a change was made from; absent: whatever is there. */
export interface Since {
  readonly generation?: number;
}

/** One artifact of a model; several may fit where `vendor` and `digest` are absent. */
export interface ArtifactName {
  readonly name: string;
  readonly version?: string;
  readonly vendor?: string;
  readonly digest?: Digest;
}

export interface CatalogSnapshot {
  readonly generation: number;
  readonly models: readonly {
    readonly generation: number;
    readonly model: CatalogModel;
  }[];
}

/**
 * Changes are atomic by model. Each is written to the audit log under `who` before it resolves.
 * All reject with NOT_FOUND for what is not there, FAILED_PRECONDITION for a change that the state does
 * not allow (with the remedy), ABORTED where somebody else changed the model meanwhile.
 */
export interface ModelRegistry {
  snapshot(): CatalogSnapshot;
  /**
   * Checks, gate, publication. Idempotent by digest.
   * @throws StatusError INVALID_ARGUMENT naming the check that failed; what was refused is recorded
   */
  register(
    registration: Registration,
    who: string,
    tell: (event: RegistrationEvent) => void,
    signal: AbortSignal,
  ): Promise<RegistrationReport>;
  /** Every check that what is given allows; stores nothing. */
  dryRun(registration: Partial<Registration>, who: string): Promise<readonly CheckResult[]>;
  /** The gate once more. A refusal takes the artifact out of service. */
  verify(
    artifact: ArtifactName,
    who: string,
    tell: (event: RegistrationEvent) => void,
    signal: AbortSignal,
  ): Promise<SignedVerdict>;
  verdict(digest: Digest): Promise<SignedVerdict>;
  /** Resolves when this gateway sends requests there. */
  promote(
    name: string,
    change: { readonly alias: string } & Alias & Since,
    who: string,
  ): Promise<number>;
  /** The alias points at what it pointed at before. */
  rollback(name: string, change: { readonly alias: string } & Since, who: string): Promise<Alias>;
  /** Takes the alias away; not `production` while others depend on it. */
  dropAlias(name: string, change: { readonly alias: string } & Since, who: string): Promise<number>;
  /** Neither retired nor removed until it is unpinned. */
  pin(
    artifact: ArtifactName & Since,
    pinned: { readonly note: string } | undefined,
    who: string,
  ): Promise<number>;
  /**
   * Resolves when this gateway has answered the last request with it and will give no other.
   * @throws StatusError UNAVAILABLE where it is retired and its last requests take too long: again to wait for them
   */
  retire(artifact: ArtifactName & Since, reason: string, who: string): Promise<number>;
  /** Only what is retired or refused; a whole model without a version. Bytes that nothing names go later. */
  remove(artifact: ArtifactName & Since, who: string): Promise<number>;
  audit(limit: number, matches?: (entry: AuditEntry) => boolean): Promise<readonly AuditEntry[]>;
}
