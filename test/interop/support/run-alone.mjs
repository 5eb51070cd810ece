/**
 * Requests in onnxruntime-node, each alone: reads JSON from stdin, `artifact` and either `inputs` of
 * one or `requests`, a list of such; writes the raw outputs as base64, as one object or a list.
 */
import { stdin, stdout } from "node:process";
import { text } from "node:stream/consumers";
import { InferenceSession, Tensor } from "onnxruntime-node";

const TYPES = {
  BOOL: ["bool", Uint8Array],
  UINT8: ["uint8", Uint8Array],
  UINT16: ["uint16", Uint16Array],
  UINT32: ["uint32", Uint32Array],
  UINT64: ["uint64", BigUint64Array],
  INT8: ["int8", Int8Array],
  INT16: ["int16", Int16Array],
  INT32: ["int32", Int32Array],
  INT64: ["int64", BigInt64Array],
  FP16: ["float16", Uint16Array],
  FP32: ["float32", Float32Array],
  FP64: ["float64", Float64Array],
};

const order = JSON.parse(await text(stdin));
const session = await InferenceSession.create(order.artifact, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});

async function run(inputs) {
  const feeds = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    const [type, View] = TYPES[tensor.datatype];
    const bytes = Uint8Array.from(Buffer.from(tensor.raw_b64, "base64"));
    feeds[name] = new Tensor(type, new View(bytes.buffer), tensor.shape);
  }
  const results = await session.run(feeds);
  const answer = {};
  for (const [name, tensor] of Object.entries(results)) {
    const { buffer, byteOffset, byteLength } = tensor.data;
    answer[name] = Buffer.from(buffer, byteOffset, byteLength).toString("base64");
  }
  return answer;
}

const answers = [];
for (const inputs of order.requests ?? [order.inputs]) answers.push(await run(inputs));
stdout.write(JSON.stringify(order.requests ? answers : answers[0]));
