/** What a null server knows: one model, the same answer to every request. */
import { encodeInferResponse } from "../../../src/grpc/codec/encode-response.ts";
import {
  bytesFieldSize,
  shapeBytes,
  textFieldSize,
  writeFieldHead,
  writeShapeField,
  writeTextField,
} from "../../../src/grpc/codec/write.ts";

export const NULL_MODEL = { name: "null", version: "1" } as const;

interface Tensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

const INPUT: Tensor = { name: "input", datatype: "FP32", shape: [-1, 16] };
const OUTPUT: Tensor = { name: "score", datatype: "FP32", shape: [-1, 1] };
const SCORE = 0.5;

/** ModelInferResponse with one row. */
export function inferAnswer(id: string): Buffer {
  const data = Buffer.alloc(4);
  data.writeFloatLE(SCORE);
  return encodeInferResponse(
    {
      model: NULL_MODEL.name,
      version: NULL_MODEL.version,
      id,
      outputs: [{ name: OUTPUT.name, datatype: "FP32", shape: [1, 1], data }],
    },
    0,
  );
}

/** Answers to the questions that clients ask before they begin, by method; others are not implemented. */
export const ANSWERS: Readonly<Record<string, Buffer>> = {
  ServerLive: Buffer.from([0x08, 1]),
  ServerReady: Buffer.from([0x08, 1]),
  ModelReady: Buffer.from([0x08, 1]),
  ServerMetadata: Buffer.concat([text(0x0a, "null server"), text(0x12, "1")]),
  ModelMetadata: Buffer.concat([
    text(0x0a, NULL_MODEL.name),
    text(0x12, NULL_MODEL.version),
    text(0x1a, "null"),
    nested(0x22, tensor(INPUT)),
    nested(0x2a, tensor(OUTPUT)),
  ]),
  ModelConfig: nested(
    0x0a,
    Buffer.concat([text(0x0a, NULL_MODEL.name), Buffer.from([0x20, 0x80, 0x80, 0x01])]),
  ),
};

function text(tag: number, value: string): Buffer {
  const bytes = Buffer.alloc(textFieldSize(value));
  writeTextField(bytes, 0, tag, value);
  return bytes;
}

function nested(tag: number, message: Buffer): Buffer {
  const head = Buffer.alloc(bytesFieldSize(message.length) - message.length);
  writeFieldHead(head, 0, tag, message.length);
  return Buffer.concat([head, message]);
}

function tensor({ name, datatype, shape }: Tensor): Buffer {
  const packed = Buffer.alloc(bytesFieldSize(shapeBytes(shape)));
  writeShapeField(packed, 0, 0x1a, shape);
  return Buffer.concat([text(0x0a, name), text(0x12, datatype), packed]);
}
