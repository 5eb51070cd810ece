/**
 * ModelInferRequest with raw contents. All that stays the same from one execution to the next is
 * encoded once; a batch adds its shapes and is copied once, into the message that goes out.
 * Field numbers as in proto/grpc_service.proto.
 */
import { BackendError, type Execution, type ModelVariant } from "../../contract.ts";
import { fieldSize, varintSize, writeHead, writeText, writeVarint } from "./wire-size.ts";

const Request = { modelName: 1, modelVersion: 2, inputs: 5, outputs: 6, rawContents: 7 } as const;
const Tensor = { name: 1, datatype: 2, shape: 3 } as const;

export interface FarModel {
  readonly name: string;
  /** Empty: the newest. */
  readonly version: string;
}

export class InferRequestWriter {
  readonly #head: Buffer;
  /** Name and datatype of each input, by the input's name. */
  readonly #inputs = new Map<string, Buffer>();
  readonly #outputs = new Map<string, Buffer>();

  constructor(model: FarModel, { inputs, outputs }: Pick<ModelVariant, "inputs" | "outputs">) {
    this.#head = Buffer.concat([
      textField(Request.modelName, model.name),
      ...(model.version === "" ? [] : [textField(Request.modelVersion, model.version)]),
    ]);
    for (const { name, datatype } of inputs) {
      const fields = [textField(Tensor.name, name), textField(Tensor.datatype, datatype)];
      this.#inputs.set(name, Buffer.concat(fields));
    }
    for (const { name } of outputs) {
      const inner = textField(Tensor.name, name);
      const field = Buffer.alloc(fieldSize(inner.length));
      writeText(field, Request.outputs, inner, 0);
      this.#outputs.set(name, field);
    }
  }

  /**
   * The message. The tensors may be reused as soon as it returns.
   * @param before bytes to leave free at its start, for whoever sends it
   */
  write({ inputs, outputs }: Pick<Execution, "inputs" | "outputs">, before = 0): Buffer {
    const asked = outputs.map((name) => known(this.#outputs, name));
    const tensors = inputs.map(({ name, shape, data }) => {
      const head = known(this.#inputs, name);
      const shapeBytes = sumOf(shape, varintSize);
      return { head, shape, shapeBytes, data, byteLength: head.length + fieldSize(shapeBytes) };
    });
    const message = Buffer.allocUnsafe(
      before +
        this.#head.length +
        sumOf(asked, ({ length }) => length) +
        sumOf(tensors, (each) => fieldSize(each.byteLength) + fieldSize(each.data.byteLength)),
    );
    message.set(this.#head, before);
    let at = before + this.#head.length;
    for (const { head, shape, shapeBytes, byteLength } of tensors) {
      at = writeHead(message, Request.inputs, byteLength, at);
      message.set(head, at);
      at = writeHead(message, Tensor.shape, shapeBytes, at + head.length);
      for (const axis of shape) at = writeVarint(message, axis, at);
    }
    for (const field of asked) {
      message.set(field, at);
      at += field.length;
    }
    for (const { data } of inputs) at = writeText(message, Request.rawContents, data, at);
    return message;
  }
}

function textField(field: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const into = Buffer.alloc(fieldSize(bytes.length));
  writeText(into, field, bytes, 0);
  return into;
}

function known(fields: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const field = fields.get(name);
  if (field !== undefined) return field;
  throw new BackendError("internal", `the model has no tensor "${name}"`);
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number) =>
  items.reduce((sum, item) => sum + of(item), 0);
