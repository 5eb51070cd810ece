/** What a worker makes of answers that are none. */
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import type { ModelInstance, ModelVariant, Tensor } from "../../backends/contract.ts";
import { Channel } from "./channel.ts";
import { HostedInstance } from "./hosted-instance.ts";
import { INLINE } from "./run-frames.ts";

const variant: ModelVariant = {
  model: "jets",
  version: "1",
  inputs: [{ name: "x", datatype: "FP32", shape: [1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [1] }],
  maxBatchSize: 8,
  artifact: { digest: "", path: "", format: "", platform: "any" },
};
const whole: Tensor = { name: "y", datatype: "FP32", shape: [2, 1], data: new Uint8Array(8) };

/** @returns what the gateway is told of one run after the other with these outputs */
async function toldOf(...answers: readonly (readonly Tensor[])[]): Promise<readonly string[]> {
  const told: string[] = [];
  const toGateway = new Duplex({
    read() {},
    write(_bytes, _encoding, done) {
      done();
    },
  });
  const channel = new Channel(
    toGateway,
    () => {},
    () => {},
  );
  const left = [...answers];
  const instance: ModelInstance = {
    device: { id: "board:0", vendor: "test", platform: "any" },
    execute: async () => left.shift() ?? [],
    unload: async () => {},
  };
  const heard = new Promise<void>((resolve) => {
    channel.send = (frame) => {
      const words = frame.toString("latin1");
      told.push(/"fault":"(\w+)"/.exec(words)?.[1] ?? "answer");
      if (told.length === answers.length) resolve();
    };
  });
  const hosted = new HostedInstance(variant, instance, channel, async () => {});
  for (let run = 0; run < answers.length; run += 1) {
    const input = { index: 0, shape: [2, 1], offset: 0, byteLength: 8 };
    const message = { run, instance: 0, room: INLINE, roomBytes: 0, outputOffset: 0 };
    const rest = { inputs: [input], outputs: [0], memberRows: [2], streamed: false };
    hosted.accept({ ...message, ...rest }, Buffer.alloc(8));
  }
  await heard;
  return told;
}

describe("an answer that is not whole", () => {
  it.each<[what: string, answer: readonly Tensor[]]>([
    ["half the bytes", [{ ...whole, data: new Uint8Array(4) }]],
    ["twice the bytes", [{ ...whole, data: new Uint8Array(16) }]],
    ["another tensor", [{ ...whole, name: "z" }]],
    ["no tensor", []],
  ])("(%s) is the device's fault after a whole one, and the model's before", async (_, broken) => {
    expect(await toldOf(broken)).toEqual(["internal"]);
    expect(await toldOf([whole], broken, [whole])).toEqual(["answer", "device", "answer"]);
  });
});
