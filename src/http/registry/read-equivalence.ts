/** The class in which an artifact declares to compute the same, from a request's JSON. */
import type { Equivalence, EquivalenceClass } from "../../policy/equivalence/types.ts";
import type { JsonObject } from "../json-value.ts";
import {
  asNumber,
  asObject,
  asShare,
  asText,
  invalid,
  optional,
  refuseUnknown,
  required,
} from "./read-fields.ts";

type Kind = EquivalenceClass["kind"];

/** Members of each kind beside `kind`; what they may be is judged again by the policy. */
const MEMBERS: Readonly<Record<Kind, readonly string[]>> = {
  "bit-exact": [],
  ulp: ["max"],
  "abs-rel": ["abs", "rel"],
  "fixed-point": ["w", "i", "lsb"],
  physics: [
    ...["output", "element", "threshold"],
    ...["minAgreement", "maxEfficiencyDifference", "maxAucDifference"],
  ],
};

/** @throws StatusError INVALID_ARGUMENT naming the member */
export function readEquivalence(value: unknown, key: string): Equivalence {
  const given = asObject(value, key);
  refuseUnknown(given, ["class", "outputs"], `${key}.`);
  const outputs = optional(given, "outputs", asObject);
  return {
    class: required(given, "class", readClass),
    ...(outputs === undefined
      ? {}
      : {
          outputs: Object.fromEntries(
            Object.entries(outputs).map(([name, one]) => [name, readClass(one, `outputs.${name}`)]),
          ),
        }),
  };
}

function readClass(value: unknown, key: string): EquivalenceClass {
  const given = asObject(value, key);
  const { kind } = given;
  if (typeof kind !== "string" || !Object.hasOwn(MEMBERS, kind)) {
    throw invalid(`${key}.kind`, `one of ${Object.keys(MEMBERS).join(", ")}`);
  }
  refuseUnknown(given, ["kind", ...MEMBERS[kind as Kind]], `${key}.`);
  const number = (name: string) => required(given, name, asNumber);
  switch (kind as Kind) {
    case "bit-exact":
      return { kind: "bit-exact" };
    case "ulp":
      return { kind: "ulp", max: number("max") };
    case "abs-rel":
      return { kind: "abs-rel", abs: number("abs"), rel: number("rel") };
    case "fixed-point":
      return { kind: "fixed-point", w: number("w"), i: number("i"), lsb: number("lsb") };
    case "physics":
      return readPhysics(given);
  }
}

function readPhysics(given: JsonObject): EquivalenceClass {
  const element = optional(given, "element", asNumber);
  const minAgreement = optional(given, "minAgreement", asShare);
  const maxEfficiencyDifference = optional(given, "maxEfficiencyDifference", asShare);
  const maxAucDifference = optional(given, "maxAucDifference", asShare);
  return {
    kind: "physics",
    output: required(given, "output", asText),
    threshold: required(given, "threshold", asNumber),
    ...(element === undefined ? {} : { element }),
    ...(minAgreement === undefined ? {} : { minAgreement }),
    ...(maxEfficiencyDifference === undefined ? {} : { maxEfficiencyDifference }),
    ...(maxAucDifference === undefined ? {} : { maxAucDifference }),
  };
}
