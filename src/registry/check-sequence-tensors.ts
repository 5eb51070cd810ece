/** The control tensors of a sequence model against its artifact; rules and texts of Triton's ONNX backend. */
import type { TensorSpec } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { CONFIG_TYPE, shapeText } from "../inference/datatypes.ts";
import type { ConfigTensor, ModelConfigFields } from "./model-config.ts";
import { controlInputs, stateTensors } from "./sequence-definition.ts";

/** @throws StatusError INVALID_ARGUMENT */
export function checkControls(config: ModelConfigFields, known: readonly TensorSpec[]): void {
  const name = config.name ?? "";
  const axes = (config.max_batch_size ?? 0) > 0 ? 1 : 0;
  for (const { spec } of controlInputs(config)) {
    const actual = known.find((candidate) => candidate.name === spec.name);
    if (actual === undefined) {
      throw invalid(
        `unable to load model '${name}', configuration specifies sequence control '${spec.name}', ` +
          "but model does not provide that input",
      );
    }
    const dims = actual.shape.slice(axes);
    if (dims.length !== 1 || (dims[0] !== 1 && dims[0] !== -1)) {
      throw invalid(
        `unable to load model '${name}', sequence control '${spec.name}' in model has dims ` +
          `${shapeText(dims)} but dims [1] is expected`,
      );
    }
    if (actual.datatype === spec.datatype) continue;
    throw invalid(
      `unable to load model '${name}', sequence control '${spec.name}', the model expects data-type ` +
        `${CONFIG_TYPE[actual.datatype]} but the model configuration specifies data-type ` +
        CONFIG_TYPE[spec.datatype],
    );
  }
}

/** States as if a client sent and asked for them: they must fit the artifact all the same. */
export function statesAsTensors(config: ModelConfigFields): {
  readonly inputs: readonly ConfigTensor[];
  readonly outputs: readonly ConfigTensor[];
} {
  const states = stateTensors(config);
  const described = ({ name, datatype, shape }: TensorSpec): ConfigTensor => ({
    name,
    data_type: CONFIG_TYPE[datatype],
    dims: shape.map(String),
  });
  return { inputs: states.inputs.map(described), outputs: states.outputs.map(described) };
}

function invalid(message: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", message);
}
