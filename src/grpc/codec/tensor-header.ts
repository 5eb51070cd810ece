/** What requests' inputs and responses' outputs have in common on the wire: name, datatype, shape, parameters, contents. */
import { MAX_RANK, tooMany } from "./limits.ts";
import { ParameterMap } from "./parameters.ts";
import type { WireReader } from "./wire.ts";

/** Stretches of `buffer` that hold `InferTensorContents`: [start, end, start, end, ...]. */
export interface ContentsRanges {
  readonly buffer: Buffer;
  readonly ranges: number[];
}

export interface TensorHeader {
  name: string;
  datatype: string;
  readonly shape: number[];
  parameters: ParameterMap | undefined;
  contents: ContentsRanges | undefined;
}

/** Reads an InferInputTensor or InferOutputTensor: both use the same numbers. */
export function readTensorHeader(reader: WireReader): TensorHeader {
  const outer = reader.enter();
  const tensor: TensorHeader = {
    name: "",
    datatype: "",
    shape: [],
    parameters: undefined,
    contents: undefined,
  };
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        tensor.name = reader.name();
        break;
      case 0x12:
        tensor.datatype = reader.name();
        break;
      case 0x1a: {
        const tensorEnd = reader.enter();
        while (reader.position < reader.end) addDimension(tensor.shape, reader);
        reader.leave(tensorEnd);
        break;
      }
      case 0x18:
        addDimension(tensor.shape, reader);
        break;
      case 0x22:
        tensor.parameters ??= new ParameterMap();
        tensor.parameters.readEntry(reader);
        break;
      case 0x2a: {
        const length = reader.length();
        // A message field that comes twice is one message with the fields of both.
        tensor.contents ??= { buffer: reader.buffer, ranges: [] };
        if (length > 0) tensor.contents.ranges.push(reader.position, reader.position + length);
        reader.advance(length);
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  reader.leave(outer);
  return tensor;
}

function addDimension(shape: number[], reader: WireReader): void {
  if (shape.length >= MAX_RANK) throw tooMany("dimensions in one shape", MAX_RANK);
  shape.push(reader.clampedInt64());
}
