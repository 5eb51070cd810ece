/** A tensor of XIR: shape, elements, and where the binary point is. */
import { clean } from "../../common/artifact-file/byte-view.ts";
import { present } from "../../common/artifact-file/present.ts";
import type { Field, ProtobufWindow } from "../../common/protobuf-wire/protobuf-window.ts";
import type { Datatype } from "../../contract.ts";
import { type Attribute, readAttribute } from "./xir-attributes.ts";

const MAX_AXES = 16;
const WANTED = new Set(["fix_point", "bit_width"]);

export interface XirTensor {
  readonly name: string;
  /** Full shape; axis 0 is the batch, which the compiler fixes. */
  readonly shape: readonly number[];
  /** Absent for elements that cannot be exchanged, or of a number that is not known. */
  readonly datatype?: Datatype;
  /** Bits behind the binary point: a raw integer r stands for r * 2^-fixPoint. */
  readonly fixPoint?: number;
  readonly bitWidth?: number;
}

/** @param field a `serial_v2.Tensor`: 1 name, 2 shape, 5 kind of elements, 6 their bits, 10 attributes */
export async function readTensor(xir: ProtobufWindow, field: Field): Promise<XirTensor> {
  let name = "";
  let kind = 0n;
  let elementBits: bigint | undefined;
  const shape: number[] = [];
  const attributes = new Map<string, Attribute>();
  await xir.message(field.start, field.end, (part) => {
    if (part.number === 1)
      return xir.text(part).then((text) => {
        name = clean(text);
      });
    if (part.number === 2) {
      return xir.varints(part, MAX_AXES).then((lengths) => void shape.push(...lengths.map(Number)));
    }
    if (part.number === 5) kind = part.value;
    if (part.number === 6) elementBits = part.value;
    if (part.number === 10) return readAttribute(xir, part, WANTED, attributes);
    return undefined;
  });
  const datatype =
    elementBits === undefined ? OLD_KINDS[`${kind}`] : KINDS[`${kind} ${elementBits}`];
  return {
    name,
    shape,
    ...present({
      datatype,
      fixPoint: small(attributes.get("fix_point")),
      bitWidth: small(attributes.get("bit_width")),
    }),
  };
}

/** Files of Vitis AI 1.x have one number for kind and width; these two are known from real files. */
const OLD_KINDS: Readonly<Record<string, Datatype>> = { "0": "INT8", "8": "FP32" };

/** Later: 0 INT, 1 UINT, 2 XINT, 3 XUINT (fixed point of the DPU), 4 FLOAT, and the width in bits. */
const KINDS: Readonly<Record<string, Datatype>> = {
  "0 8": "INT8",
  "0 16": "INT16",
  "0 32": "INT32",
  "0 64": "INT64",
  "1 8": "UINT8",
  "1 16": "UINT16",
  "1 32": "UINT32",
  "1 64": "UINT64",
  "2 8": "INT8",
  "2 16": "INT16",
  "2 32": "INT32",
  "3 8": "UINT8",
  "3 16": "UINT16",
  "3 32": "UINT32",
  "4 16": "FP16",
  "4 32": "FP32",
  "4 64": "FP64",
};

function small(attribute: Attribute | undefined): number | undefined {
  if (typeof attribute !== "bigint") return undefined;
  return attribute >= -128n && attribute <= 128n ? Number(attribute) : undefined;
}
