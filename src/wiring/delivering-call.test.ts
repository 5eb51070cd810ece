import { beforeEach, describe, expect, it } from "vitest";
import { aRequest, aSignature, FakeCall } from "../../test/support/requests.ts";
import { StatusError } from "../errors.ts";
import type { InferResponse, OutputTensor } from "../inference/request.ts";
import type { SharedBytes } from "../inference/shared-regions.ts";
import { delivering } from "./delivering-call.ts";

class FakeBytes implements SharedBytes {
  readonly range = { region: "r", offset: 8, byteLength: 2 };
  readonly written: number[] = [];
  holds = 0;
  cutOff = false;

  copyTo(): void {}

  write(bytes: Uint8Array): void {
    if (this.cutOff) throw new StatusError("INVALID_ARGUMENT", "cut off");
    this.written.push(...bytes);
  }

  hold(): void {
    this.holds += 1;
  }

  release(): void {
    this.holds -= 1;
  }
}

class KeepingCall extends FakeCall {
  readonly outputs: OutputTensor[] = [];

  override respond(response: InferResponse): void {
    super.respond(response);
    this.outputs.push(...response.outputs);
  }
}

const two = [
  { name: "y", datatype: "UINT8" as const, shape: [2] },
  { name: "z", datatype: "UINT8" as const, shape: [2] },
];
const signature = aSignature({ outputs: two });
const answer = (data = Uint8Array.of(3, 9)): InferResponse => ({
  model: "jets",
  version: "1",
  id: "",
  outputs: ["z", "y"].map((name) => ({ name, datatype: "UINT8", shape: [1, 2], data })),
});

let bytes: FakeBytes;
let client: KeepingCall;

beforeEach(() => {
  bytes = new FakeBytes();
  client = new KeepingCall();
});

const shared = () =>
  aRequest({
    signature,
    outputs: [1, 0],
    deliveries: [{ kind: "shared", target: bytes }, undefined],
  });

it("a request that asks for nothing special keeps its call", () => {
  expect(delivering(client, aRequest(), undefined)).toBe(client);
});

describe("an output that goes to shared memory", () => {
  it("is written there; the answer says where, and the others go as they are", () => {
    delivering(client, shared(), undefined).respond(answer(), true);
    expect(bytes.written).toEqual([3, 9]);
    const [z, y] = client.outputs;
    expect(z?.data).toHaveLength(0);
    expect(Object.fromEntries(z?.parameters ?? [])).toEqual({
      shared_memory_region: { type: "string", value: "r" },
      shared_memory_byte_size: { type: "int64", value: 2 },
      shared_memory_offset: { type: "int64", value: 8 },
    });
    expect(y).toMatchObject({ data: Uint8Array.of(3, 9) });
    expect(y?.parameters).toBeUndefined();
  });

  it("fails the request where it does not fit, or where the memory is gone", () => {
    delivering(client, shared(), undefined).respond(answer(new Uint8Array(3)), true);
    bytes.cutOff = true;
    delivering(client, shared(), undefined).respond(answer(), true);
    expect(client.errors.map(({ code, message }) => [code, message])).toEqual([
      [
        "INTERNAL",
        "shared memory size specified with the request for output 'z' (2 bytes) should be at least 3 bytes to hold the results",
      ],
      ["INVALID_ARGUMENT", "cut off"],
    ]);
  });
});

describe("memory of the client is held until the request", () => {
  const begun = () => {
    const call = delivering(client, aRequest({ borrowed: [bytes, bytes] }), undefined);
    expect(bytes.holds).toBe(2);
    return call;
  };

  it("is answered for the last time", () => {
    const call = begun();
    call.respond(answer(), false);
    expect(bytes.holds).toBe(2);
    call.respond(answer(), true);
    expect(bytes.holds).toBe(0);
  });

  it("fails", () => {
    begun().fail(new StatusError("INTERNAL", "broken"));
    expect(bytes.holds).toBe(0);
    expect(client.errors).toHaveLength(1);
  });

  it("is given up by its client, which whoever holds the request is told", () => {
    const call = begun();
    let told = 0;
    call.onCancel = () => {
      told += 1;
    };
    client.hangUp();
    call.respond(answer(), true);
    expect({ holds: bytes.holds, told, answers: client.told }).toEqual({
      holds: 0,
      told: 1,
      answers: 0,
    });
  });
});

it("classes carry the labels of their output", () => {
  const request = aRequest({
    signature,
    outputs: [1],
    deliveries: [{ kind: "classes", count: 1 }],
  });
  const labels = new Map([["z", ["cat", "dog"]]]);
  delivering(client, request, labels).respond(answer(), true);
  expect(Buffer.from(client.outputs[0]?.data ?? []).toString()).toBe("\x07\0\0\x009:1:dog");
});
