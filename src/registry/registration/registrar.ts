/**
 * The way of artifacts into the catalog: recorded as uploaded, checked, proven by the gate, published. Whatever
 * is acknowledged is in the catalog; what dies in between is there, too, and goes on in the next process.
 */
import { StatusError, toStatusError } from "../../errors.ts";
import { newOwner } from "../../store/files/owner.ts";
import { type ArtifactRef, artifactOf, versionOf } from "../catalog/find.ts";
import type { Registrations } from "../catalog/managed-registry.ts";
import type { RegistrationReport } from "../catalog/registry.ts";
import type {
  CatalogArtifact,
  CatalogModel,
  CheckResult,
  Registration,
  SignedVerdict,
  Underway,
} from "../catalog/types.ts";
import { isAbandoned } from "./abandoned.ts";
import { candidateOf, registrationOf } from "./candidate-of.ts";
import { uploadedArtifact } from "./describe-artifact.ts";
import { whyNotExecuted } from "./not-executed.ts";
import {
  begun,
  binding,
  findArtifact,
  promoted,
  type Ref,
  refusedRecord,
  takenOver,
} from "./record.ts";
import { refuseNames } from "./refuse-names.ts";
import { RegistrationRun, type Running, type RunParts, type Tell } from "./registration-run.ts";
import { runChecks } from "./run-checks.ts";

type Caller = Pick<Running, "who" | "tell" | "signal">;

export class Registrar implements Registrations {
  readonly #parts: RunParts;
  /** By model, version, vendor and digest: the same twice at once is one. */
  readonly #running = new Map<string, Promise<RegistrationReport>>();
  /** Tokens of what this process works on. */
  readonly #mine = new Set<string>();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async register(
    registration: Registration,
    who: string,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<RegistrationReport> {
    await refuseNames(registration, this.#parts, who, tell);
    await this.#parts.catalog.refresh();
    const { name, version, vendor, artifact: digest } = registration;
    const key = JSON.stringify([name, version, vendor, digest]);
    const same = this.#running.get(key);
    if (same !== undefined) {
      try {
        return { ...(await same), unchanged: true };
      } catch (thrown) {
        // Whoever asked first hung up: that is nobody else's end.
        const isOver = thrown instanceof StatusError && thrown.code === "CANCELLED";
        if (!isOver || signal.aborted) throw thrown;
        return this.register(registration, who, tell, signal);
      }
    }
    const running = this.#register(
      registration,
      { version, digest, vendor },
      { who, tell, signal },
    );
    this.#running.set(key, running);
    try {
      return await running;
    } finally {
      if (this.#running.get(key) === running) this.#running.delete(key);
    }
  }

  async dryRun(registration: Partial<Registration>): Promise<readonly CheckResult[]> {
    await this.#parts.catalog.refresh();
    const { blobs, checkers } = this.#parts;
    const { name = "", version = "" } = registration;
    const existing = binding(this.#model(name)?.versions[version]);
    const candidate = await candidateOf(registration, existing, blobs, false);
    return (await runChecks(candidate, checkers)).results;
  }

  async verify(
    name: string,
    named: ArtifactRef,
    who: string,
    tell: Tell,
    signal: AbortSignal,
  ): Promise<SignedVerdict> {
    const model = this.#model(name);
    if (model === undefined) {
      throw new StatusError("NOT_FOUND", `the registry has no model '${name}'`);
    }
    const artifact = artifactOf(model, named);
    const { digest, vendor, state, underway } = artifact;
    const ref: Ref = { version: named.version, digest, vendor };
    if (underway !== undefined && !this.#isAbandoned(underway)) throw busy(ref, underway);
    if (!GOES_ON.includes(state)) {
      const text = `${digest} (version ${ref.version} of model '${name}') is ${state}`;
      throw new StatusError("FAILED_PRECONDITION", `${text}: register it again`);
    }
    const registration = registrationOf(name, versionOf(model, ref.version), artifact);
    return this.#work(registration, ref, { who, tell, signal }, true, (run) => run.verify());
  }

  /**
   * Takes up what processes left that died. One after the other; whoever starts the gateway need not wait.
   * @returns how many registrations went on; each of them has come to an end
   */
  async resume(signal: AbortSignal): Promise<number> {
    const { catalog, log } = this.#parts;
    let resumed = 0;
    for (const { model } of catalog.snapshot().models) {
      const artifacts = Object.values(model.versions).flatMap((version) => version.artifacts);
      for (const { underway, registeredBy, state } of artifacts) {
        if (underway === undefined || !this.#isAbandoned(underway)) continue;
        if (state === "retired" || state === "refused") continue;
        signal.throwIfAborted();
        const { registration } = underway;
        const { name, version, vendor } = registration;
        const what = `the registration of ${name}, version ${version}, for ${vendor}, which was interrupted,`;
        log.info(`${what} goes on`);
        resumed++;
        try {
          await this.register(registration, registeredBy, () => {}, signal);
        } catch (thrown) {
          const { message } = toStatusError(thrown);
          log.warn(`${what} ends: ${message}`);
          await this.#giveUp(underway, registeredBy, message);
        }
      }
    }
    return resumed;
  }

  async #register(
    registration: Registration,
    ref: Ref,
    caller: Caller,
  ): Promise<RegistrationReport> {
    const settled = await this.#settled(registration, ref, caller.who);
    if (settled !== undefined) return settled;
    return this.#work(registration, ref, caller, false, (run) => run.register());
  }

  /** What there is to say of an artifact that is where it can get already; undefined: there is something to do. */
  async #settled(
    registration: Registration,
    ref: Ref,
    who: string,
  ): Promise<RegistrationReport | undefined> {
    const { name, promote } = registration;
    const { artifact } = findArtifact(this.#model(name), ref) ?? {};
    if (artifact === undefined || artifact.state === "refused" || artifact.state === "retired") {
      return undefined;
    }
    const { underway, state, checks } = artifact;
    if (underway !== undefined && this.#isAbandoned(underway)) return undefined;
    if (underway !== undefined) throw busy(ref, underway);
    const { catalog } = this.#parts;
    if (state === "ready") {
      const generation = await this.#promote(name, ref.version, promote, who);
      return { ...generation, artifact, checks };
    }
    if (!(await this.#staysValidated(registration, artifact))) return undefined;
    return { generation: catalog.get(name)?.generation ?? 0, unchanged: true, artifact, checks };
  }

  async #promote(
    name: string,
    version: string,
    alias: string | undefined,
    who: string,
  ): Promise<Pick<RegistrationReport, "generation" | "unchanged">> {
    const by = { at: this.#date(), by: who };
    const words = { action: "promote", version, details: { alias } };
    const { generation, changed } = await this.#parts.catalog.change(
      name,
      undefined,
      who,
      words,
      (model) => model && promoted(model, version, alias, by),
    );
    if (changed) await this.#parts.publish(name);
    return { generation, unchanged: !changed };
  }

  /** It could not be executed here before, and cannot now. */
  async #staysValidated(
    registration: Registration,
    { state, reason }: CatalogArtifact,
  ): Promise<boolean> {
    if (state !== "validated" || reason === undefined) return false;
    const { blobs, checkers, architecture } = this.#parts;
    const version = this.#model(registration.name)?.versions[registration.version];
    const candidate = await candidateOf(registration, version, blobs, true);
    const { failed, found } = await runChecks(candidate, checkers);
    const now = whyNotExecuted({ registration, version, found, checkers, architecture });
    return failed === undefined && now === reason;
  }

  /** Puts the artifact on record as this process', and works on it. */
  async #work<T>(
    registration: Registration,
    ref: Ref,
    { who, tell, signal }: Caller,
    again: boolean,
    work: (run: RegistrationRun) => Promise<T>,
  ): Promise<T> {
    const { blobs, checkers, catalog } = this.#parts;
    const { name, vendor, generation } = registration;
    const at = this.#date();
    const underway: Underway = { owner: newOwner(), since: at, registration };
    const { token } = underway.owner;
    const existing = binding(this.#model(name)?.versions[ref.version]);
    const candidate = { ...(await candidateOf(registration, existing, blobs, true)), again };
    const registered = { registration, candidate, existing, who, at, underway };
    const words = {
      action: "register",
      version: ref.version,
      artifact: ref.digest,
      details: { vendor },
    };
    this.#mine.add(token);
    try {
      await catalog.change(
        name,
        generation,
        who,
        again ? { ...words, action: "check" } : words,
        (model) => {
          const found = findArtifact(model, ref)?.artifact;
          if (model === undefined || found === undefined || !GOES_ON.includes(found.state)) {
            return begun(
              model,
              name,
              ref.version,
              uploadedArtifact(registered, checkers.rules[vendor]),
            );
          }
          const other = found.underway;
          if (other !== undefined && !this.#isAbandoned(other)) throw busy(ref, other);
          return takenOver(model, ref, underway);
        },
      );
      return await work(new RegistrationRun(this.#parts, { ...registered, ref, tell, signal }));
    } finally {
      this.#mine.delete(token);
    }
  }

  /** What cannot even begin again, because its bytes are gone, is refused, unless somebody else has taken it. */
  async #giveUp(left: Underway, who: string, reason: string): Promise<void> {
    const { name, version, artifact: digest, vendor } = left.registration;
    const ref: Ref = { version, digest, vendor };
    const isLeft = (model: CatalogModel | undefined) =>
      findArtifact(model, ref)?.artifact.underway?.owner.token === left.owner.token;
    const words = { action: "refuse", version, artifact: digest, details: { reason } };
    await this.#parts.catalog.change(name, undefined, who, words, (model) =>
      model !== undefined && isLeft(model) ? refusedRecord(model, ref, left, { reason }) : model,
    );
  }

  #model(name: string): CatalogModel | undefined {
    return this.#parts.catalog.get(name)?.model;
  }

  #isAbandoned(underway: Underway): boolean {
    return isAbandoned(underway, this.#parts.now(), this.#mine);
  }

  #date(): string {
    return new Date(this.#parts.now()).toISOString();
  }
}

/** Artifacts that are known by their bytes, and need not begin anew. */
const GOES_ON: readonly CatalogArtifact["state"][] = ["validated", "verified", "ready"];

function busy({ digest }: Ref, { owner, since }: Underway): StatusError {
  const by = `process ${owner.pid} on ${owner.host}`;
  const text = `${digest} is being registered by ${by} since ${since}; ask again when it is done`;
  return new StatusError("ABORTED", text);
}
