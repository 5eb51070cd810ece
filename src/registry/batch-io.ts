/** `batch_input` and `batch_output` of a checked configuration as parts of a signature. */
import type { TensorSpec } from "../../backends/contract.ts";
import type { BatchInput } from "../inference/made-inputs.ts";
import type { ClientTensorSpec } from "../inference/request.ts";
import type { ConfigBatchInput, ConfigTensor, ModelConfigFields } from "./model-config.ts";

/** One for every target: they all get the same values. */
export function batchInputs(config: ModelConfigFields): BatchInput[] {
  return (config.batch_input ?? []).flatMap((rule) => {
    const { kind = "BATCH_ELEMENT_COUNT", target_name: targets = [] } = rule;
    const source = positionOf(rule, config);
    const axes = config.input?.[source]?.dims?.length ?? 0;
    const shape = kind === "BATCH_ITEM_SHAPE" ? [-1, axes] : [-1];
    const datatype: TensorSpec["datatype"] = rule.data_type === "TYPE_FP32" ? "FP32" : "INT32";
    return targets.map((name) => ({
      from: "batch" as const,
      spec: { name, datatype, shape, unbatched: true },
      kind,
      source,
    }));
  });
}

/** What makes an output one that is parted by the shapes of an input, where it is one. */
export function scattering(
  { name = "" }: ConfigTensor,
  config: ModelConfigFields,
): Pick<ClientTensorSpec, "scatteredLike"> {
  const rule = config.batch_output?.find(({ target_name: names = [] }) => names.includes(name));
  return rule === undefined ? {} : { scatteredLike: positionOf(rule, config) };
}

function positionOf(
  { source_input: [source] = [] }: Pick<ConfigBatchInput, "source_input">,
  { input = [] }: ModelConfigFields,
): number {
  return input.findIndex(({ name }) => name === source);
}
