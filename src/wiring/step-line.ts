/**
 * The way from an ensemble to the models of its steps: the line of all requests,
 * and holds, so that a model is drained only after the ensemble requests that
 * began while it served.
 */
import type { ServedModel } from "../registry/types.ts";
import type { StepModel } from "../scheduling/ensemble-run.ts";
import type { Served } from "../scheduling/served.ts";
import { admit, type Require, type Resolve } from "./infer-line.ts";

interface Holds {
  count: number;
  onFree: (() => void) | undefined;
}

export class StepLine {
  readonly #resolve: Resolve;
  readonly #surroundings: { readonly require: Require };
  readonly #holds = new WeakMap<Served, Holds>();
  readonly troubleOf: (model: string, version: string) => string | undefined;

  /** @param troubleOf why a model cannot serve now; undefined: it can */
  constructor(
    resolve: Resolve,
    troubleOf: (model: string, version: string) => string | undefined,
    require: Require,
  ) {
    this.#resolve = resolve;
    this.#surroundings = { require };
    this.troubleOf = troubleOf;
  }

  /**
   * @param version empty: the newest
   * @returns a hold on it, to be released once
   * @throws StatusError where it does not serve now
   */
  open(model: string, version: string): StepModel {
    const served: ServedModel<Served> = this.#resolve(model, version);
    const holds = this.#holdsOf(served.loaded);
    holds.count += 1;
    return {
      signature: served.definition.signature,
      infer: (wire, call) => admit(served, wire, call, this.#surroundings),
      release() {
        holds.count -= 1;
        if (holds.count === 0) holds.onFree?.();
      },
    };
  }

  /** Resolves when nobody holds it. */
  async free(served: Served): Promise<void> {
    const holds = this.#holdsOf(served);
    if (holds.count === 0) return;
    await new Promise<void>((resolve) => {
      holds.onFree = resolve;
    });
  }

  #holdsOf(served: Served): Holds {
    let holds = this.#holds.get(served);
    if (holds === undefined) {
      holds = { count: 0, onFree: undefined };
      this.#holds.set(served, holds);
    }
    return holds;
  }
}
