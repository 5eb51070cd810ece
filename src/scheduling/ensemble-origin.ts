/** What the answer of an ensemble tells of where it comes from: what the answers of its steps told, in their order. */
import type { Parameter, Parameters } from "../inference/request.ts";

export interface StepOrigin {
  readonly model: string;
  readonly version: string;
  readonly parameters: Parameters;
}

/**
 * `beamgate_steps`: the models, as `name/version,…`. Every other parameter has a value a step, with commas
 * between them and nothing for a step that did not tell it; one that is a bool is true where it is so for one.
 */
export class EnsembleOrigin {
  #steps: readonly StepOrigin[] = [];
  #joined: Parameters | undefined;

  /** @returns the same object for the same steps; undefined: none of them told anything */
  of(steps: readonly StepOrigin[]): Parameters | undefined {
    if (steps.length === 0) return undefined;
    if (this.#joined === undefined || !isSame(this.#steps, steps)) {
      this.#joined = joined(steps);
      this.#steps = steps;
    }
    return this.#joined;
  }
}

function isSame(a: readonly StepOrigin[], b: readonly StepOrigin[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ parameters, version }, at) => {
      return parameters === b[at]?.parameters && version === b[at].version;
    })
  );
}

function joined(steps: readonly StepOrigin[]): Parameters {
  const names = steps.map(({ model, version }) => `${model}/${version}`);
  const all = new Map<string, Parameter>([
    ["beamgate_steps", { type: "string", value: names.join(",") }],
  ]);
  for (const key of new Set(steps.flatMap(({ parameters }) => [...parameters.keys()]))) {
    const values = steps.map(({ parameters }) => parameters.get(key)?.value ?? "");
    const isBool = values.every((value) => typeof value === "boolean" || value === "");
    all.set(
      key,
      isBool
        ? { type: "bool", value: values.includes(true) }
        : { type: "string", value: values.join(",") },
    );
  }
  return all;
}
