/**
 * The classification extension: instead of a tensor of scores the client gets
 * the best of them, as strings `score:index` or `score:index:label`.
 */
import type { Datatype } from "../../backends/contract.ts";
import { StatusError } from "../errors.ts";
import { encodeBytesTensor } from "./bytes-tensor.ts";
import { floatText } from "./number-text.ts";
import type { OutputTensor } from "./request.ts";

/** Up to so many classes are kept in order while the scores are read once; more are sorted. */
const FEW = 64;

type Score = number | bigint;
type Read = (view: DataView, at: number) => Score;

interface ScoreType {
  readonly bytes: number;
  readonly read: Read;
  readonly text: (score: Score) => string;
}

const integer = (bytes: number, read: Read): ScoreType => ({ bytes, read, text: String });
const float = (bytes: number, read: Read): ScoreType => ({
  bytes,
  read,
  text: (score) => floatText(Number(score)),
});

/** Triton ranks no others: not even BOOL. */
const SCORE_TYPES: { readonly [datatype in Datatype]?: ScoreType } = {
  UINT8: integer(1, (view, at) => view.getUint8(at)),
  INT8: integer(1, (view, at) => view.getInt8(at)),
  UINT16: integer(2, (view, at) => view.getUint16(at, true)),
  INT16: integer(2, (view, at) => view.getInt16(at, true)),
  UINT32: integer(4, (view, at) => view.getUint32(at, true)),
  INT32: integer(4, (view, at) => view.getInt32(at, true)),
  UINT64: integer(8, (view, at) => view.getBigUint64(at, true)),
  INT64: integer(8, (view, at) => view.getBigInt64(at, true)),
  FP32: float(4, (view, at) => view.getFloat32(at, true)),
  FP64: float(8, (view, at) => view.getFloat64(at, true)),
};

/**
 * The `count` best classes of every row, best first; of equal scores the lower
 * index. Everything behind the batch axis counts as one list of classes.
 * @param batched axis 0 is the batch axis
 * @param labels by class; a class without one, or with an empty one, goes without
 * @returns a BYTES tensor of shape [rows, min(count, classes)], without rows where there is no batch axis
 * @throws StatusError INVALID_ARGUMENT, Triton's text, for a datatype that has no order
 */
export function classify(
  output: OutputTensor,
  count: number,
  batched: boolean,
  labels: readonly string[],
): OutputTensor {
  const type = SCORE_TYPES[output.datatype];
  if (type === undefined) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `class result not available for output due to unsupported type '${output.datatype}'`,
    );
  }
  const { shape, data } = output;
  const rows = batched ? (shape[0] ?? 1) : 1;
  const classes = shape.slice(batched ? 1 : 0).reduce((product, axis) => product * axis, 1);
  const kept = Math.min(count, classes);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Buffer[] = [];
  for (let row = 0; row < rows; row++) {
    const scores: Score[] = [];
    for (let k = 0; k < classes; k++)
      scores.push(type.read(view, (row * classes + k) * type.bytes));
    for (const index of best(scores, kept)) {
      const label = labels[index] ?? "";
      const text = `${type.text(scores[index] ?? 0)}:${index}${label === "" ? "" : `:${label}`}`;
      elements.push(Buffer.from(text));
    }
  }
  return {
    ...output,
    datatype: "BYTES",
    shape: batched ? [rows, kept] : [kept],
    data: encodeBytesTensor(elements),
  };
}

/** Indices of the `count` largest, largest first. */
function best(scores: readonly Score[], count: number): number[] {
  if (count > FEW)
    return scores
      .map((_, index) => index)
      .sort(better(scores))
      .slice(0, count);
  const before = better(scores);
  const kept: number[] = [];
  for (let index = 0; index < scores.length; index++) {
    if (kept.length === count && before(index, kept.at(-1) ?? 0) >= 0) continue;
    let at = kept.length;
    while (at > 0 && before(index, kept[at - 1] ?? 0) < 0) at--;
    kept.splice(at, 0, index);
    if (kept.length > count) kept.pop();
  }
  return kept;
}

/** What is not a number comes last: C++ would leave its place to chance. */
function better(scores: readonly Score[]): (a: number, b: number) => number {
  return (a, b) => {
    const left = scores[a] ?? 0;
    const right = scores[b] ?? 0;
    if (left > right) return -1;
    if (left < right) return 1;
    const noNumber = Number(Number.isNaN(left)) - Number(Number.isNaN(right));
    return noNumber || a - b;
  };
}
