/** One registration on its way: each step is on record before the next one begins. */
import { StatusError, toStatusError } from "../../errors.ts";
import type { Logger } from "../../logger.ts";
import type { Blobs } from "../../store/store.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { artifactOf, versionOf } from "../catalog/find.ts";
import type { RegistrationEvent, RegistrationReport } from "../catalog/registry.ts";
import type {
  CatalogArtifact,
  CatalogModel,
  CheckResult,
  SignedVerdict,
} from "../catalog/types.ts";
import type { Gate } from "../gate/gate.ts";
import { GateRefusal } from "../gate/gate-refusal.ts";
import type { VendorKeys } from "../vendors/vendor-keys.ts";
import type { Checkers } from "./candidate.ts";
import { type Registered, validatedArtifact } from "./describe-artifact.ts";
import { whyNotExecuted } from "./not-executed.ts";
import { checksOf, failedCheck, summaryOf } from "./proof-record.ts";
import {
  findArtifact,
  inService,
  parked,
  type Ref,
  refusedRecord,
  validated,
  verified,
} from "./record.ts";
import { RegistrationRefused } from "./refused.ts";
import { runChecks } from "./run-checks.ts";

export interface RunParts {
  readonly blobs: Pick<Blobs, "has" | "path" | "size" | "put">;
  readonly catalog: Pick<Catalog, "get" | "snapshot" | "change" | "note" | "refresh">;
  readonly checkers: Checkers;
  readonly gate: Pick<Gate, "prove">;
  readonly keys: Pick<VendorKeys, "signVerdict">;
  /** Resolves when this gateway serves what the catalog says of the model. */
  publish(name: string): Promise<void>;
  readonly log: Logger;
  /** Wall clock, ms since 1970. */
  now(): number;
  /** Of this host, as Node calls it (`process.arch`). */
  readonly architecture: string;
}

export type Tell = (event: RegistrationEvent) => void;

export interface Running extends Registered {
  readonly ref: Ref;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** A verdict of 100 outputs with worst rows and histograms has some 100 kB. */
const MAX_VERDICT_BYTES = 64 * 2 ** 20;

export class RegistrationRun {
  readonly #parts: RunParts;
  readonly #running: Running;
  readonly #checks: CheckResult[] = [];

  constructor(parts: RunParts, running: Running) {
    this.#parts = parts;
    this.#running = running;
  }

  /** From where it is to where it can get. @throws RegistrationRefused; StatusError for what stopped it */
  async register(): Promise<RegistrationReport> {
    await this.#guarded(async () => {
      if (this.#artifact?.state === "verified") return this.#serve();
      const reason = await this.#check();
      if (reason !== undefined) return this.#park("keep", reason);
      const { verdict } = await this.#prove();
      if (!verdict.passed) throw new RegistrationRefused(this.#checks, this.#artifact);
      return this.#serve();
    });
    const artifact = this.#artifact;
    if (artifact === undefined) throw gone(this.#name);
    const { generation = 0 } = this.#parts.catalog.get(this.#name) ?? {};
    return { generation, unchanged: false, artifact, checks: artifact.checks };
  }

  /** All of it once more. @throws StatusError FAILED_PRECONDITION where it cannot be executed here */
  verify(): Promise<SignedVerdict> {
    return this.#guarded(async () => {
      const reason = await this.#check();
      if (reason !== undefined) throw new StatusError("FAILED_PRECONDITION", reason);
      const signed = await this.#prove();
      if (signed.verdict.passed) await this.#serve();
      return signed;
    });
  }

  /**
   * The checks, and their record.
   * @returns why it stays validated; undefined: the gate can be asked
   * @throws RegistrationRefused
   */
  async #check(): Promise<string | undefined> {
    const { checkers, architecture } = this.#parts;
    const { ref, candidate, registration, tell, signal, underway } = this.#running;
    const told = (check: CheckResult) => tell({ step: "check", check });
    const { results, failed, found } = await runChecks(candidate, checkers, told, signal);
    this.#checks.push(...results);
    if (failed !== undefined) {
      await this.#refuse(failed);
      throw new RegistrationRefused(this.#checks, this.#artifact);
    }
    const made = validatedArtifact(this.#running, found, results);
    try {
      await this.#change("validate", {}, (model) => {
        // What serves goes on serving while it is looked at again.
        const kept = { ...artifactOf(model, ref), checks: results, underway };
        return validated(model, ref, candidate.again ? { ...made, artifact: kept } : made);
      });
    } catch (thrown) {
      const { code, message } = toStatusError(thrown);
      if (code !== "FAILED_PRECONDITION") throw thrown;
      await this.#refuse({ check: "version", outcome: "failed", reason: message });
      throw thrown;
    }
    const version = this.#model?.versions[ref.version];
    return whyNotExecuted({ registration, version, found, checkers, architecture });
  }

  /** The gate, and its verdict on record, whichever it is. */
  async #prove(): Promise<SignedVerdict> {
    const { gate, keys, blobs } = this.#parts;
    const { registration, ref, tell, signal, underway } = this.#running;
    const model = this.#model;
    if (model === undefined) throw gone(this.#name);
    const progress = (doneRows: number, rows: number) => tell({ step: "gate", doneRows, rows });
    const proof = await gate
      .prove(
        model,
        versionOf(model, ref.version),
        artifactOf(model, ref),
        registration.golden,
        progress,
        signal,
      )
      .catch(async (thrown: unknown) => {
        if (!(thrown instanceof GateRefusal)) throw thrown;
        const check = failedCheck(thrown.check, thrown.message);
        tell({ step: "check", check });
        this.#checks.push(check);
        await this.#refuse(check);
        throw new RegistrationRefused(this.#checks, this.#artifact);
      });
    const signed = await keys.signVerdict(ref.vendor, proof.verdict);
    const { digest: verdict } = await blobs.put(bytesOf(signed), { maxBytes: MAX_VERDICT_BYTES });
    const checks = checksOf(proof.verdict);
    for (const check of checks) tell({ step: "check", check });
    this.#checks.push(...checks);
    const change = { verdict, verdictSummary: summaryOf(proof.verdict), checks: [...this.#checks] };
    const failure = checks.find(({ outcome }) => outcome === "failed");
    if (failure !== undefined) await this.#refuse(failure, change);
    else {
      const { golden, reference } = proof;
      await this.#change("verify", { verdict }, (now) =>
        verified(now, ref, underway, { change, golden, reference }),
      );
    }
    return signed;
  }

  async #serve(): Promise<void> {
    const { ref, who, tell, underway } = this.#running;
    const by = { at: new Date(this.#parts.now()).toISOString(), by: who };
    await this.#change("publish", {}, (model) => inService(model, ref, underway, by));
    tell({ step: "publish" });
    await this.#parts.publish(this.#name);
  }

  async #refuse({ check, reason }: CheckResult, change: Partial<CatalogArtifact> = {}) {
    const { ref, underway } = this.#running;
    const told = { ...change, checks: [...this.#checks], reason: `${check}: ${reason}` };
    const served = this.#artifact?.state === "ready";
    await this.#change("refuse", { check, reason }, (model) =>
      refusedRecord(model, ref, underway, told),
    );
    if (served) await this.#parts.publish(this.#name);
  }

  #park(action: string, reason: string): Promise<void> {
    const { ref, underway } = this.#running;
    return this.#change(action, { reason }, (model) => parked(model, ref, underway, reason));
  }

  /** Whatever goes wrong on the way is on record: nothing stays underway that nobody works on. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (thrown instanceof RegistrationRefused) throw thrown;
      const { signal, underway } = this.#running;
      const cancelled = new StatusError(
        "CANCELLED",
        "it was cancelled: register it again to go on",
        {
          cause: thrown,
        },
      );
      const error = signal.aborted ? cancelled : toStatusError(thrown);
      if (this.#artifact?.underway?.owner.token === underway.owner.token) {
        await this.#park("stop", error.message).catch((cause: unknown) => {
          const { code, message } = toStatusError(cause);
          // Retired or removed at this very moment: it is not this registration's any more.
          if (code === "ABORTED") return;
          this.#parts.log.error(`a registration cannot be ended: ${message}`);
        });
      }
      throw error;
    }
  }

  async #change(
    action: string,
    details: Readonly<Record<string, unknown>>,
    next: (model: CatalogModel) => CatalogModel,
  ): Promise<void> {
    const { ref, who } = this.#running;
    const words = {
      action,
      version: ref.version,
      artifact: ref.digest,
      details: { vendor: ref.vendor, ...details },
    };
    await this.#parts.catalog.change(this.#name, undefined, who, words, (model) => {
      if (model === undefined) throw gone(this.#name);
      return next(model);
    });
  }

  get #name(): string {
    return this.#running.registration.name;
  }

  get #model(): CatalogModel | undefined {
    return this.#parts.catalog.get(this.#name)?.model;
  }

  get #artifact(): CatalogArtifact | undefined {
    return findArtifact(this.#model, this.#running.ref)?.artifact;
  }
}

function gone(name: string): StatusError {
  return new StatusError("ABORTED", `model '${name}' was removed by somebody else meanwhile`);
}

async function* bytesOf(signed: SignedVerdict): AsyncIterable<Uint8Array> {
  yield Buffer.from(JSON.stringify(signed));
}
