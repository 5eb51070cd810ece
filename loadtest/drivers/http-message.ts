/** KServe v2 over HTTP: tensors behind a JSON header (binary tensor data extension), or within it. */
import { StatusError } from "../../src/errors.ts";
import type { DecodedOutput, DecodedResponse } from "../../src/grpc/codec/decode-response.ts";
import { joinPieces, onePiece } from "../../src/inference/pieces.ts";
import type { Parameter, Parameters } from "../../src/inference/request.ts";
import type { Answer, ClientRequest } from "./driver.ts";
import { bytesOfNumbers, numbersOfBytes } from "./http-numbers.ts";

export interface HttpMessage {
  readonly path: string;
  readonly body: Buffer;
  /** Bytes of JSON before the tensors; undefined: JSON alone. */
  readonly headerBytes: number | undefined;
}

/** @param binary whether the server knows the binary tensor data extension */
export function encodeHttpRequest(request: ClientRequest, binary: boolean): HttpMessage {
  const version = request.version === "" ? "" : `/versions/${encodeURIComponent(request.version)}`;
  const path = `/v2/models/${encodeURIComponent(request.model)}${version}/infer`;
  const tensors: Uint8Array[] = [];
  const inputs = request.inputs.map(({ name, datatype, shape, parameters, data }) => {
    const said = Object.fromEntries(plain(parameters));
    if (data === undefined) return { name, datatype, shape, parameters: said };
    const bytes = joinPieces(data);
    if (!binary) {
      return { name, datatype, shape, parameters: said, data: numbersOfBytes(bytes, datatype) };
    }
    tensors.push(bytes);
    return {
      ...{ name, datatype, shape },
      parameters: { ...said, binary_data_size: bytes.byteLength },
    };
  });
  const header = Buffer.from(
    JSON.stringify({
      ...(request.id === "" ? {} : { id: request.id }),
      parameters: {
        ...Object.fromEntries(plain(request.parameters)),
        ...(binary ? { binary_data_output: true } : {}),
      },
      inputs,
      ...(request.outputs.length === 0
        ? {}
        : { outputs: request.outputs.map(({ name }) => ({ name })) }),
    }),
  );
  return {
    path,
    body: Buffer.concat([header, ...tensors]),
    headerBytes: binary ? header.length : undefined,
  };
}

interface JsonOutput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters?: Record<string, unknown>;
  readonly data?: unknown;
}

interface JsonResponse {
  readonly model_name?: string;
  readonly model_version?: string;
  readonly id?: string;
  readonly parameters?: Record<string, unknown>;
  readonly outputs?: readonly JsonOutput[];
}

/** @throws StatusError where the answer is none */
export function decodeHttpAnswer({ bytes, headerBytes }: Answer): DecodedResponse {
  const jsonEnd = headerBytes ?? bytes.length;
  let at = jsonEnd;
  let response: JsonResponse;
  try {
    response = JSON.parse(Buffer.from(bytes.subarray(0, jsonEnd)).toString()) as JsonResponse;
  } catch (cause) {
    throw new StatusError("INTERNAL", "the answer's header is no JSON", { cause });
  }
  const outputs = (response.outputs ?? []).map((output): DecodedOutput => {
    const size = output.parameters?.["binary_data_size"];
    let data: Uint8Array;
    if (typeof size === "number") {
      data = bytes.subarray(at, at + size);
      at += size;
    } else data = bytesOfNumbers(output.data, output.datatype, output.name);
    return {
      ...{ name: output.name, datatype: output.datatype, shape: output.shape },
      parameters: parametersOf(output.parameters),
      data: onePiece(data),
    };
  });
  return {
    model: response.model_name ?? "",
    version: response.model_version ?? "",
    id: response.id ?? "",
    parameters: parametersOf(response.parameters),
    outputs,
  };
}

function plain(parameters: Parameters | undefined): [string, string | number | boolean][] {
  return [...(parameters ?? [])].map(([key, { value }]) => [
    key,
    typeof value === "bigint" ? Number(value) : value,
  ]);
}

function parametersOf(said: Record<string, unknown> | undefined): Parameters | undefined {
  if (said === undefined) return undefined;
  const read = Object.entries(said).flatMap(([key, value]): [string, Parameter][] => {
    if (typeof value === "boolean") return [[key, { type: "bool", value }]];
    if (typeof value === "string") return [[key, { type: "string", value }]];
    if (typeof value !== "number") return [];
    return [[key, { type: Number.isInteger(value) ? "int64" : "double", value }]];
  });
  return new Map(read);
}
