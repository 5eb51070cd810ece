import { join } from "node:path";
import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, it, vi } from "vitest";
import { StatusError } from "../../errors.ts";
import { joinPieces, onePiece } from "../../inference/pieces.ts";
import type { InferResponse, Parameter, Pieces, WireRequest } from "../../inference/request.ts";
import { packageRoot } from "../../package-root.ts";
import { decodeInferRequest } from "./decode-request.ts";
import {
  type DecodedResponse,
  decodeInferResponse,
  decodeStreamResponse,
} from "./decode-response.ts";
import { encodeInferRequest } from "./encode-request.ts";
import { encodeInferResponse, encodeStreamResponse } from "./encode-response.ts";

// Thousands of messages each: seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const root = new protobuf.Root();
root.resolvePath = (_, target) => join(packageRoot, "proto", target);
root.loadSync("grpc_service.proto", { keepCase: true }).resolveAll();
const requestType = root.lookupType("inference.ModelInferRequest");
const responseType = root.lookupType("inference.ModelInferResponse");
const streamType = root.lookupType("inference.ModelStreamInferResponse");

const AS_TEXT = { longs: String, bytes: String, defaults: true } as const;

/** Seeded, so that a failure comes back. */
const RUNS = { seed: 20_260_101, numRuns: 300 } as const;

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom("INPUT0", "FP32", "x".repeat(47), "x".repeat(200), "é".repeat(70)),
);
const int64 = fc.oneof(
  fc.integer({ min: -1, max: 200 }),
  fc.maxSafeInteger(),
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, -(2 ** 31)),
);
const exact = (min: bigint, max: bigint) =>
  fc.bigInt({ min, max }).map((v) => (Number.isSafeInteger(Number(v)) ? Number(v) : v));
const parameter: fc.Arbitrary<Parameter> = fc.oneof(
  fc.boolean().map((value) => ({ type: "bool" as const, value })),
  exact(-(2n ** 63n), 2n ** 63n - 1n).map((value) => ({ type: "int64" as const, value })),
  exact(0n, 2n ** 64n - 1n).map((value) => ({ type: "uint64" as const, value })),
  fc.double({ noNaN: true }).map((value) => ({ type: "double" as const, value })),
  text.map((value) => ({ type: "string" as const, value })),
);
const parameters = fc.option(
  fc
    .array(fc.tuple(text, parameter), { minLength: 1, maxLength: 3 })
    .map((entries) => new Map(entries)),
  { nil: undefined },
);
const bytes = fc.uint8Array({ maxLength: 300 });
const shape = fc.array(int64, { maxLength: 5 });
// Keys that have a meaning for shared memory are another test's.
const request: fc.Arbitrary<WireRequest> = fc.record({
  model: text,
  version: text,
  id: text,
  parameters,
  inputs: fc.array(
    fc.record({
      name: text,
      datatype: text,
      shape,
      parameters,
      data: bytes.map((b) => onePiece(b)),
    }),
    { maxLength: 4 },
  ),
  outputs: fc.array(fc.record({ name: text, parameters }), { maxLength: 4 }),
  dataError: fc.constant(undefined),
});
const response: fc.Arbitrary<InferResponse> = fc.record({
  model: text,
  version: text,
  id: text,
  outputs: fc.array(
    fc.record({ name: text, datatype: fc.constantFrom("FP32", "BYTES"), shape, data: bytes }),
    { maxLength: 4 },
  ),
});

/** Cuts the message at random places; empty pieces may occur, as they do on the wire. */
function cut(message: Uint8Array, places: readonly number[]): Pieces {
  const at = places.map((p) => p % (message.length + 1)).toSorted((a, b) => a - b);
  const pieces = [...at, message.length].map((end, i) => message.subarray(at[i - 1] ?? 0, end));
  return { byteLength: message.length, pieces };
}

const asParameters = (map: ReadonlyMap<string, Parameter> | undefined) =>
  Object.fromEntries(
    [...(map ?? [])].map(([key, { type, value }]) => [
      key,
      { [`${type}_param`]: typeof value === "bigint" ? long(value) : value },
    ]),
  );
const long = (value: bigint) => {
  const bits = BigInt.asUintN(64, value);
  return {
    low: Number(bits & 0xffffffffn) | 0,
    high: Number(bits >> 32n) | 0,
    unsigned: value > 0n,
  };
};

function asProto(r: WireRequest) {
  return {
    model_name: r.model,
    model_version: r.version,
    id: r.id,
    parameters: asParameters(r.parameters),
    inputs: r.inputs.map(({ data: _, ...i }) => ({ ...i, parameters: asParameters(i.parameters) })),
    outputs: r.outputs.map((o) => ({ ...o, parameters: asParameters(o.parameters) })),
    raw_input_contents: r.inputs.map((i) => joinPieces(i.data ?? onePiece(new Uint8Array()))),
  };
}

/** Pieces compare by their bytes, not by how they were cut. */
const flat = (tensors: readonly { readonly data?: Pieces | undefined }[]) =>
  tensors.map((t) => ({ ...t, data: t.data && Buffer.from(joinPieces(t.data)).toString("hex") }));
const comparable = (r: WireRequest) => ({ ...r, inputs: flat(r.inputs) });
const comparableResponse = (r: DecodedResponse) => ({ ...r, outputs: flat(r.outputs) });

describe("a ModelInferRequest written by protobufjs", () => {
  it("is read as it was meant, however it is cut into pieces", () => {
    fc.assert(
      fc.property(request, fc.array(fc.nat(), { maxLength: 12 }), (wire, places) => {
        const message = requestType.encode(requestType.fromObject(asProto(wire))).finish();
        expect(comparable(decodeInferRequest(onePiece(message)))).toEqual(comparable(wire));
        expect(comparable(decodeInferRequest(cut(message, places)))).toEqual(comparable(wire));
      }),
      RUNS,
    );
  });

  it("is read also when every byte comes alone", () => {
    fc.assert(
      fc.property(request, (wire) => {
        const message = requestType.encode(requestType.fromObject(asProto(wire))).finish();
        const pieces = [...message].map((byte) => Uint8Array.of(byte));
        const read = decodeInferRequest({ byteLength: message.length, pieces });
        expect(comparable(read)).toEqual(comparable(wire));
      }),
      { ...RUNS, numRuns: 50 },
    );
  });
});

describe("a ModelInferRequest of our own", () => {
  it("is read the same by protobufjs", () => {
    fc.assert(
      fc.property(request, fc.nat(9), (wire, headroom) => {
        const message = encodeInferRequest(wire, headroom).subarray(headroom);
        const theirs = requestType.decode(message);
        expect(requestType.verify(theirs)).toBeNull();
        const again = requestType.encode(theirs).finish();
        expect(comparable(decodeInferRequest(onePiece(again)))).toEqual(comparable(wire));
      }),
      RUNS,
    );
  });
});

describe("a ModelInferResponse", () => {
  const asMessage = (r: InferResponse) =>
    responseType.fromObject({
      model_name: r.model,
      model_version: r.version,
      id: r.id,
      outputs: r.outputs.map(({ data: _, ...output }) => output),
      raw_output_contents: r.outputs.map((output) => output.data),
    });
  const asDecoded = (r: InferResponse): DecodedResponse => ({
    model: r.model,
    version: r.version,
    id: r.id,
    parameters: undefined,
    outputs: r.outputs.map((o) => ({ ...o, parameters: undefined, data: onePiece(o.data) })),
  });

  it("is the same bytes as protobufjs writes, behind the headroom", () => {
    fc.assert(
      fc.property(response, fc.nat(9), (answer, headroom) => {
        const ours = encodeInferResponse(answer, headroom).subarray(headroom);
        // protobufjs writes empty names that were set; a message that it read has none.
        const theirs = responseType.encode(responseType.decode(ours)).finish();
        expect(Buffer.compare(ours, Buffer.from(theirs))).toBe(0);
        expect(responseType.toObject(responseType.decode(ours), AS_TEXT)).toEqual(
          responseType.toObject(asMessage(answer), AS_TEXT),
        );
      }),
      RUNS,
    );
  });

  it("is read back by our own client side, in any pieces", () => {
    fc.assert(
      fc.property(response, fc.array(fc.nat(), { maxLength: 8 }), (answer, places) => {
        const message = encodeInferResponse(answer, 0);
        const expected = comparableResponse(asDecoded(answer));
        expect(comparableResponse(decodeInferResponse(onePiece(message)))).toEqual(expected);
        expect(comparableResponse(decodeInferResponse(cut(message, places)))).toEqual(expected);
      }),
      RUNS,
    );
  });

  it("travels inside a stream's response with its parameters", () => {
    fc.assert(
      fc.property(response, parameters, (answer, map) => {
        const message = encodeStreamResponse(answer, 5, map).subarray(5);
        const theirs = streamType.toObject(streamType.decode(message), AS_TEXT);
        expect(theirs).toMatchObject({ error_message: "" });
        const { errorMessage, response: read } = decodeStreamResponse(message);
        expect(errorMessage).toBe("");
        expect(read && comparableResponse(read)).toEqual({
          ...comparableResponse(asDecoded(answer)),
          parameters: map,
        });
      }),
      RUNS,
    );
  });
});

describe("a message that was damaged", () => {
  /** xorshift32: the same damage every time. */
  function random(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
  }

  function damage(message: Uint8Array, below: (n: number) => number): Uint8Array {
    const bytes = [...message];
    for (let i = below(3); i >= 0; i--) {
      const at = below(bytes.length + 1);
      const kind = below(5);
      if (kind === 0) bytes[at] = below(256);
      else if (kind === 1) bytes.splice(at, 1 + below(8));
      else if (kind === 2) bytes.splice(at, 0, below(256), 0xff, below(256));
      else if (kind === 3) bytes.splice(at, 0, ...bytes.slice(at, at + below(30)));
      else bytes.length = Math.min(bytes.length, at);
    }
    return Uint8Array.from(bytes);
  }

  it("is read or refused with a status, in one piece or several alike", () => {
    const below = random(42);
    const samples = fc.sample(request, { seed: 7, numRuns: 50 }).map((wire, i) => {
      const message = asProto(wire);
      const typed = {
        int_contents: [1, -1],
        bytes_contents: [Buffer.from("ab")],
        fp32_contents: [1],
      };
      const inputs = message.inputs.map((input) => ({ ...input, contents: typed }));
      const object = i % 2 ? message : { ...message, inputs, raw_input_contents: [] };
      return requestType.encode(requestType.fromObject(object)).finish();
    });
    const outcomes = { read: 0, refused: 0 };
    for (let i = 0; i < 10_000; i++) {
      const message = damage(samples[i % samples.length] ?? new Uint8Array(), below);
      const whole = attempt(() => comparable(decodeInferRequest(onePiece(message))));
      const places = [below(1000), below(1000), below(1000)];
      const parted = attempt(() => comparable(decodeInferRequest(cut(message, places))));
      expect(parted instanceof StatusError).toBe(whole instanceof StatusError);
      if (!(whole instanceof StatusError)) expect(parted).toEqual(whole);
      outcomes[whole instanceof StatusError ? "refused" : "read"]++;
    }
    expect(outcomes.read).toBeGreaterThan(300);
    expect(outcomes.refused).toBeGreaterThan(500);
  });

  it("does the same to a client that reads responses", () => {
    const below = random(43);
    const samples = fc.sample(response, { seed: 8, numRuns: 50 });
    for (let i = 0; i < 2_000; i++) {
      const answer = samples[i % samples.length];
      if (answer === undefined) continue;
      const message = damage(encodeInferResponse(answer, 0), below);
      attempt(() => decodeInferResponse(onePiece(message)));
      attempt(() => decodeStreamResponse(message));
    }
  });

  function attempt<T>(read: () => T): T | StatusError {
    try {
      return read();
    } catch (error) {
      if (error instanceof StatusError) return error;
      throw error;
    }
  }
});
