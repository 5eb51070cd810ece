/** What the parameters of the requested outputs ask for: classes instead of scores, or shared memory. */
import { StatusError } from "../errors.ts";
import type { Delivery, WireOutput } from "./request.ts";
import { sharedMemoryDisabled, sharedRangeOf } from "./shared-memory.ts";
import type { RegionLookup } from "./shared-regions.ts";

/**
 * In the order of `outputs`; undefined where all are delivered as they are.
 * @throws StatusError with Triton's text, for the first parameter that is wrong
 */
export function deliveriesOf(
  outputs: readonly WireOutput[],
  regions: RegionLookup | undefined,
): readonly (Delivery | undefined)[] | undefined {
  let deliveries: (Delivery | undefined)[] | undefined;
  for (const [k, output] of outputs.entries()) {
    if (output.parameters === undefined) continue;
    const delivery = deliveryOf(output, regions);
    if (delivery === undefined) continue;
    deliveries ??= outputs.map(() => undefined);
    deliveries[k] = delivery;
  }
  return deliveries;
}

function deliveryOf(
  { name, parameters }: WireOutput,
  regions: RegionLookup | undefined,
): Delivery | undefined {
  const range = sharedRangeOf(name, parameters);
  if (range instanceof StatusError) throw range;
  const count = classCount(parameters);
  if (range === undefined) return count === 0 ? undefined : { kind: "classes", count };
  if (count > 0) throw invalid("output can't set both 'shared_memory_region' and 'classification'");
  if (regions === undefined) throw sharedMemoryDisabled();
  return { kind: "shared", target: regions.find(range) };
}

/** 0: none are asked for. */
function classCount(parameters: WireOutput["parameters"]): number {
  const classification = parameters?.get("classification");
  if (classification === undefined) return 0;
  if (classification.type !== "int64") {
    throw invalid("invalid value type for 'classification' parameter, expected int64_param");
  }
  if (classification.value < 0) {
    throw invalid("invalid value for 'classification' parameter, expected >= 0");
  }
  return Number(classification.value);
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
