/** The gate as registration asks for it: golden files where there are none yet, then the verdict. */
import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FixedPointType } from "../../../backends/contract.ts";
import { StatusError } from "../../errors.ts";
import { checkEquivalence } from "../../policy/equivalence/check-equivalence.ts";
import type { Blobs } from "../../store/store.ts";
import type {
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  Digest,
  GoldenFiles,
  Verdict,
} from "../catalog/types.ts";
import { privateFolder } from "../given-files.ts";
import { generateInputs } from "../golden/generate.ts";
import { GoldenPair, openGoldenInputs } from "../golden/golden-files.ts";
import type { ModelDefinition } from "../types.ts";
import { ArtifactFailed, blaming } from "./blame.ts";
import { type DefineParts, defineArtifact } from "./define.ts";
import type { GateExecutor } from "./executor.ts";
import { GateRefusal } from "./gate-refusal.ts";
import { writeGoldenOutputs } from "./golden-outputs.ts";
import { runGate } from "./run-gate.ts";

export interface GateParts extends DefineParts {
  readonly blobs: Pick<Blobs, "put" | "path">;
  /** Loads it as it would serve. */
  executorOf(definition: ModelDefinition, signal: AbortSignal): Promise<GateExecutor>;
  /** Rows that are generated where no golden inputs are given. */
  readonly goldenRows: number;
  /** Name and version of this program. */
  readonly software: string;
  now(): number;
  date(): string;
}

/** Golden files that somebody gave; outputs that are missing are the reference's. */
export interface GivenGolden {
  readonly inputs: Digest;
  readonly outputs?: Digest | undefined;
}

export interface Proof {
  readonly verdict: Verdict;
  /** Of the version, from now on. */
  readonly golden: GoldenFiles;
  /** Artifact whose outputs are the golden ones; undefined: they were given. */
  readonly reference: Digest | undefined;
}

const SEED = 20120704;
const FREE_DIM = 8;
const MOST_GOLDEN_BYTES = 2 ** 34;

export class Gate {
  readonly #parts: GateParts;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /**
   * Runs the golden files of the version through the artifact. A version that has none gets them now: the
   * first artifact that can be executed is its reference.
   * @param given in place of the version's
   * @throws GateRefusal where the golden files that were given are damaged, or the reference does not run; StatusError
   *   where nothing can be said of what was handed in
   */
  async prove(
    model: CatalogModel,
    version: CatalogVersion,
    artifact: CatalogArtifact,
    given: GivenGolden | undefined,
    tell: (doneRows: number, rows: number) => void,
    signal: AbortSignal,
  ): Promise<Proof> {
    // What a gateway leaves that is killed meanwhile, the next one removes.
    const folder = privateFolder();
    await mkdir(folder, { mode: 0o700 });
    try {
      const proof = await this.#proven({ folder, model, version, artifact, given, signal }, tell);
      const { reason } = proof.verdict;
      if (reason === undefined) return proof;
      return { ...proof, verdict: { ...proof.verdict, reason: withoutFolder(reason, folder) } };
    } catch (thrown) {
      throw this.#worded(thrown, folder, given ?? version.golden, given !== undefined);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #proven(
    trial: GoldenTrial,
    tell: (doneRows: number, rows: number) => void,
  ): Promise<Proof> {
    const { folder, model, version, artifact, signal } = trial;
    const definition = await defineArtifact(this.#parts, folder, model, version.version, artifact);
    const { signature } = definition;
    const equivalence = artifact.equivalence ?? version.equivalence;
    checkEquivalence(equivalence, signature.outputs);
    const golden = await this.#golden(trial, definition);
    const { blobs, software, now, date } = this.#parts;
    const reference = golden.reference ?? "given";
    const verdict = await runGate({
      signature,
      equivalence,
      golden: {
        inputs: blobs.path(golden.files.inputs),
        outputs: blobs.path(golden.files.outputs),
      },
      identity: {
        artifact: artifact.digest,
        golden: { inputs: golden.files.inputs, outputs: golden.files.outputs },
        reference,
        software,
      },
      executor: (abort) => this.#parts.executorOf(definition, abort),
      tell,
      signal,
      now,
      date,
    });
    return { verdict, golden: golden.files, reference: golden.reference };
  }

  /** Without paths of this machine; damaged golden files are the fault of whoever gave them, if that was now. */
  #worded(
    thrown: unknown,
    folder: string,
    golden: GivenGolden | undefined,
    given: boolean,
  ): unknown {
    if (!(thrown instanceof StatusError)) return thrown;
    const { code, cause } = thrown;
    const { blobs } = this.#parts;
    const inputs = golden && blobs.path(golden.inputs);
    const outputs = golden?.outputs && blobs.path(golden.outputs);
    const message = withoutFolder(thrown.message, folder)
      .replaceAll(`'${inputs}'`, "the file of golden inputs")
      .replaceAll(`'${outputs}'`, "the file of golden outputs");
    const reads = [inputs, outputs].some((path) => path && thrown.message.startsWith(`'${path}'`));
    if (given && reads && code === "INVALID_ARGUMENT") {
      return new GateRefusal("golden", message, { cause: thrown });
    }
    if (thrown instanceof GateRefusal) return new GateRefusal(thrown.check, message, { cause });
    return new StatusError(code, message, { cause });
  }

  async #golden(
    trial: GoldenTrial,
    definition: ModelDefinition,
  ): Promise<{ readonly files: GoldenFiles; readonly reference: Digest | undefined }> {
    const { version, given, artifact } = trial;
    if (given === undefined && version.golden !== undefined) {
      return { files: version.golden, reference: version.reference };
    }
    if (given?.outputs !== undefined) {
      const { inputs, outputs } = given;
      const { blobs } = this.#parts;
      const pair = await GoldenPair.open(definition.signature, {
        inputs: blobs.path(inputs),
        outputs: blobs.path(outputs),
      });
      pair.close();
      return {
        files: { inputs, outputs, rows: pair.rows, source: "given" },
        reference: undefined,
      };
    }
    const reference = version.reference ?? artifact.digest;
    if (reference !== artifact.digest) {
      const text = `artifact ${reference} is the reference of version ${version.version}`;
      const remedy = "verify that one first, or give golden outputs";
      throw new StatusError("FAILED_PRECONDITION", `${text} and has no golden files: ${remedy}`);
    }
    const files = await this.#made(trial, definition);
    return { files, reference };
  }

  /** Outputs of the reference itself, to inputs that were given or are generated. */
  async #made(trial: GoldenTrial, definition: ModelDefinition): Promise<GoldenFiles> {
    const { folder, artifact, given, signal } = trial;
    const { blobs } = this.#parts;
    const executor = await blaming(() => this.#parts.executorOf(definition, signal), signal).catch(
      (thrown: unknown) => {
        throw thrown instanceof ArtifactFailed ? refusal("load", thrown) : thrown;
      },
    );
    try {
      const outputs = join(folder, "golden-outputs.npz");
      const answer = (inputs: string) =>
        writeGoldenOutputs(definition.signature, { inputs, outputs }, executor, signal);
      if (given !== undefined) {
        const rows = await answer(blobs.path(given.inputs)).catch((thrown: unknown) => {
          throw thrown instanceof ArtifactFailed ? refusal("execution", thrown) : thrown;
        });
        return {
          inputs: given.inputs,
          outputs: await this.#stored(outputs),
          rows,
          source: "given",
        };
      }
      const inputs = join(folder, "golden-inputs.npz");
      const rows = await this.#generated(definition, artifact, inputs, answer);
      return {
        inputs: await this.#stored(inputs),
        outputs: await this.#stored(outputs),
        rows,
        source: "generated",
        seed: SEED,
      };
    } finally {
      await executor.close();
    }
  }

  /** Integers may be indices: where the model refuses wide ones, they are 0 and 1. */
  async #generated(
    { signature }: ModelDefinition,
    { manifest }: CatalogArtifact,
    path: string,
    answer: (inputs: string) => Promise<number>,
  ): Promise<number> {
    const encodings = new Map<string, FixedPointType>();
    for (const { name, encoding } of manifest?.inputs ?? []) {
      if (encoding !== undefined) encodings.set(name, encoding);
    }
    const rows = this.#parts.goldenRows;
    const options = { rows, seed: SEED, freeDim: FREE_DIM, encodings };
    for (const wideIntegers of [true, false]) {
      await generateInputs(path, signature, { ...options, wideIntegers });
      (await openGoldenInputs(signature, path)).close();
      try {
        return await answer(path);
      } catch (cause) {
        if (!(cause instanceof ArtifactFailed)) throw cause;
        if (wideIntegers) continue;
        const remedy = "give golden inputs that the model takes (--golden)";
        throw new StatusError(
          "FAILED_PRECONDITION",
          `the reference refuses generated inputs: ${cause.message}; ${remedy}`,
          { cause },
        );
      }
    }
    throw new RangeError("unreachable");
  }

  async #stored(path: string): Promise<Digest> {
    const source = createReadStream(path, { highWaterMark: 1024 * 1024 });
    const { digest } = await this.#parts.blobs.put(source, { maxBytes: MOST_GOLDEN_BYTES });
    return digest;
  }
}

const refusal = (check: "execution" | "load", failed: ArtifactFailed) =>
  new GateRefusal(check, failed.message, { cause: failed });

/** Libraries name files by where they found them, which says nothing to whoever handed them in. */
function withoutFolder(text: string, folder: string): string {
  return text
    .split(folder)
    .map((part, at) => (at === 0 ? part : part.replace(/^\S*\//, "")))
    .join("");
}

interface GoldenTrial {
  readonly folder: string;
  readonly model: CatalogModel;
  readonly version: CatalogVersion;
  readonly artifact: CatalogArtifact;
  readonly given: GivenGolden | undefined;
  readonly signal: AbortSignal;
}
