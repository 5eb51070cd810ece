/**
 * ModelInferResponse: the tensors as views of the message. Servers that answer with typed contents
 * instead of raw ones (the protocol leaves it to them) are understood, too.
 */
import type { Datatype } from "../../contract.ts";
import { asDatatype } from "./datatype.ts";
import { rawContents } from "./typed-contents.ts";
import { malformed, WireReader } from "./wire-reader.ts";

const Response = { outputs: 5, rawContents: 6 } as const;
const Tensor = { name: 1, datatype: 2, shape: 3, contents: 5 } as const;

export interface FarTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Full shape. */
  readonly shape: readonly number[];
  /** A view of the message, or converted from typed contents. */
  readonly data: Uint8Array;
}

/** @throws BackendError `device` where it is no such message */
export function readInferResponse(message: Buffer): FarTensor[] {
  const reader = new WireReader(message);
  const described: ReturnType<typeof readTensor>[] = [];
  const raw: Buffer[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Response.outputs) described.push(readTensor(reader.message()));
    else if (field === Response.rawContents) raw.push(reader.bytes());
    else reader.skip();
  }
  if (raw.length > 0 && raw.length !== described.length) {
    throw malformed(`${described.length} outputs and the bytes of ${raw.length}`);
  }
  return described.map(({ contents, ...tensor }, i) => ({
    ...tensor,
    data: raw[i] ?? rawContents(contents, tensor.datatype),
  }));
}

function readTensor(reader: WireReader) {
  let name = "";
  let datatype = "";
  let contents: WireReader | undefined;
  const shape: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Tensor.name) name = reader.text();
    else if (field === Tensor.datatype) datatype = reader.text();
    else if (field === Tensor.shape) reader.int64s(shape);
    else if (field === Tensor.contents) contents = reader.message();
    else reader.skip();
  }
  if (shape.some((axis) => axis < 0)) throw malformed(`output "${name}" has shape [${shape}]`);
  return { name, datatype: asDatatype(datatype, `output "${name}"`), shape, contents };
}
