/** Sum and difference of two tensors, as Triton's `simple` example model gives them. */
import {
  BackendError,
  BYTES_PER_ELEMENT,
  type Execution,
  type ModelVariant,
  type Tensor,
} from "../contract.ts";

const ARRAYS = { INT32: Int32Array, FP32: Float32Array } as const;
type Addable = keyof typeof ARRAYS;

/** @throws BackendError `artifact` unless the variant takes and gives two tensors of one kind. */
export function checkAddable({ inputs, outputs }: ModelVariant): void {
  const [spec] = inputs;
  const same = [...inputs, ...outputs].every(
    (other) => other.datatype === spec?.datatype && String(other.shape) === String(spec.shape),
  );
  if (same && spec && inputs.length === 2 && outputs.length === 2 && spec.datatype in ARRAYS)
    return;
  throw new BackendError(
    "artifact",
    "mode addsub: needs two inputs and two outputs, all INT32 or all FP32, of one shape",
  );
}

/** @throws BackendError `input` where the tensors differ in length. */
export function addAndSubtract(execution: Execution, variant: ModelVariant): Tensor[] {
  const [a, b] = execution.inputs;
  if (a === undefined || b === undefined || a.data.byteLength !== b.data.byteLength) {
    throw new BackendError("input", "mode addsub: both inputs must be there and of one shape");
  }
  const first = elementsOf(a);
  const second = elementsOf(b);
  return execution.outputs.map((name) => {
    const sign = name === variant.outputs[0]?.name ? 1 : -1;
    const data = execution.reserve(a.data.byteLength) ?? new Uint8Array(a.data.byteLength);
    const result = arrayOver(a.datatype as Addable, data);
    for (let i = 0; i < result.length; i++) result[i] = (first[i] ?? 0) + sign * (second[i] ?? 0);
    return { name, datatype: a.datatype, shape: a.shape, data };
  });
}

/** The elements; copied where they are not aligned. */
function elementsOf({ datatype, data }: Tensor) {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return arrayOver(datatype as Addable, aligned);
}

function arrayOver(datatype: Addable, data: Uint8Array) {
  const length = data.byteLength / BYTES_PER_ELEMENT[datatype];
  // Both constructors take the same arguments; TypeScript resolves no overload of a union.
  const Elements = ARRAYS[datatype] as Int32ArrayConstructor;
  return new Elements(data.buffer, data.byteOffset, length);
}
