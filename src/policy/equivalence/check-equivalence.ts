/** Whether a declared class means anything for the outputs of a model. */
import { StatusError } from "../../errors.ts";
import { classOf, type OutputSpec } from "./comparison.ts";
import type { Equivalence, EquivalenceClass } from "./types.ts";

/** @throws StatusError INVALID_ARGUMENT naming the output and the field */
export function checkEquivalence(equivalence: Equivalence, outputs: readonly OutputSpec[]): void {
  const names = outputs.map(({ name }) => name);
  const unknown = Object.keys(equivalence.outputs ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(`there is no output '${unknown}'; there are: ${names.join(", ")}`);
  }
  for (const { name, datatype } of outputs) {
    const judged = classOf(equivalence, name);
    const problem = problemOf(judged);
    if (problem !== undefined) throw invalid(`the class of output '${name}': ${problem}`);
    if (datatype === "BYTES" && judged.kind !== "bit-exact" && judged.kind !== "physics") {
      throw invalid(
        `output '${name}' is of texts: they are bit-exact or different, not ${judged.kind}`,
      );
    }
    if (judged.kind === "physics" && judged !== equivalence.class) {
      throw invalid(`output '${name}' alone cannot be judged by physics: the whole artifact is`);
    }
  }
  if (equivalence.class.kind !== "physics") return;
  const { output } = equivalence.class;
  const scored = outputs.find(({ name }) => name === output);
  if (scored === undefined || scored.datatype === "BYTES") {
    throw invalid(`there is no output '${output}' of numbers to decide by: ${names.join(", ")}`);
  }
}

function problemOf(judged: EquivalenceClass): string | undefined {
  const notNegative = (value: number) => Number.isFinite(value) && value >= 0;
  switch (judged.kind) {
    case "bit-exact":
      return undefined;
    case "ulp":
      return notNegative(judged.max) ? undefined : `max is ${judged.max}, expected 0 or more`;
    case "abs-rel":
      if (notNegative(judged.abs) && notNegative(judged.rel)) return undefined;
      return `abs is ${judged.abs} and rel ${judged.rel}, expected 0 or more`;
    case "fixed-point":
      if (judged.w >= 1 && judged.w <= 64 && notNegative(judged.lsb)) return undefined;
      return `ap_fixed<${judged.w}, ${judged.i}> and ${judged.lsb} LSB: expected w from 1 to 64, lsb 0 or more`;
    case "physics":
      return physicsProblem(judged);
  }
}

function physicsProblem(judged: Extract<EquivalenceClass, { kind: "physics" }>) {
  const { minAgreement, maxEfficiencyDifference, maxAucDifference, threshold } = judged;
  const limits = [minAgreement, maxEfficiencyDifference, maxAucDifference].filter(
    (limit) => limit !== undefined,
  );
  if (!Number.isFinite(threshold)) return `threshold is ${threshold}`;
  if (limits.length === 0) {
    return "it limits nothing: give minAgreement, maxEfficiencyDifference or maxAucDifference";
  }
  return limits.every((limit) => limit >= 0 && limit <= 1) ? undefined : "limits are from 0 to 1";
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}
