/** Raw bytes of an output as the elements of a JSON array, written as Triton writes them. */
import { StatusError } from "../../errors.ts";
import { decodeBytesTensor } from "../../inference/bytes-tensor.ts";
import { elementSizeBytes } from "../../inference/datatypes.ts";
import type { OutputTensor } from "../../inference/request.ts";
import { quotedBytes } from "../json-text.ts";

/** Elements, without the brackets, in row-major order. @throws StatusError where JSON has no form for them */
export function tensorElements({ name, datatype, data }: OutputTensor): string {
  if (datatype === "FP16" || datatype === "BF16") {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `sending ${datatype} data via JSON is not supported. Please use the binary data format for output`,
    );
  }
  if (datatype === "BYTES") return strings(name, data);
  const { buffer, byteOffset, byteLength } = aligned(data, elementSizeBytes(datatype));
  const elements = byteLength / elementSizeBytes(datatype);
  switch (datatype) {
    case "BOOL":
      return Array.from(data, (byte) => (byte === 0 ? "false" : "true")).join(",");
    case "INT8":
      return new Int8Array(buffer, byteOffset, elements).join(",");
    case "INT16":
      return new Int16Array(buffer, byteOffset, elements).join(",");
    case "INT32":
      return new Int32Array(buffer, byteOffset, elements).join(",");
    case "INT64":
      return new BigInt64Array(buffer, byteOffset, elements).join(",");
    case "UINT8":
      return data.join(",");
    case "UINT16":
      return new Uint16Array(buffer, byteOffset, elements).join(",");
    case "UINT32":
      return new Uint32Array(buffer, byteOffset, elements).join(",");
    case "UINT64":
      return new BigUint64Array(buffer, byteOffset, elements).join(",");
    case "FP32":
      return Array.from(new Float32Array(buffer, byteOffset, elements), doubleText).join(",");
    case "FP64":
      return Array.from(new Float64Array(buffer, byteOffset, elements), doubleText).join(",");
  }
}

/** As Triton's writer: `1.0`, `-0.0`, `1e21`, and the words NaN and Infinity, which JSON itself lacks. */
export function doubleText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  if (Number.isInteger(value)) return text.includes("e") ? text.replace("+", "") : `${text}.0`;
  return text;
}

function aligned(data: Uint8Array, elementBytes: number): Uint8Array {
  return data.byteOffset % elementBytes === 0 ? data : data.slice();
}

function strings(name: string, data: Uint8Array): string {
  try {
    return decodeBytesTensor(data)
      .map((element) =>
        quotedBytes(Buffer.from(element.buffer, element.byteOffset, element.byteLength)),
      )
      .join(",");
  } catch (cause) {
    throw new StatusError(
      "INTERNAL",
      `output tensor shape does not match size of output for '${name}'`,
      { cause },
    );
  }
}
