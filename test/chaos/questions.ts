/** Questions whose right answer is known without asking anybody. */
import { encodeQuestion } from "../support/infer-messages.ts";
import type { Question } from "./load.ts";

/** For an identity model `INPUT0` → `OUTPUT0` of FP32[rows, width]: no two questions are alike. */
export function identityQuestion(
  model: string,
  rows: number,
  width: number,
  seed: number,
): Question {
  const values = new Float32Array(rows * width);
  for (let at = 0; at < values.length; at += 1) values[at] = ((seed * 7919 + at) % 1_000_003) / 64;
  const data = new Uint8Array(values.buffer);
  const expected = Buffer.from(data);
  return {
    bytes: encodeQuestion({
      model,
      id: String(seed),
      inputs: [{ name: "INPUT0", datatype: "FP32", shape: [rows, width], data }],
    }),
    check(answer) {
      if (answer.id !== String(seed)) return `wrong answer: id ${answer.id} instead of ${seed}`;
      const output = answer.outputs.get("OUTPUT0");
      if (!output) return "wrong answer: no OUTPUT0";
      return expected.equals(output) ? undefined : `wrong answer: other bytes for request ${seed}`;
    },
  };
}

/** For Triton's `simple`: INT32[rows, 16] twice → sum and difference. */
export function simpleQuestion(rows: number, seed: number): Question {
  const left = Int32Array.from({ length: rows * 16 }, (_, at) => seed * 31 + at);
  const right = Int32Array.from({ length: rows * 16 }, (_, at) => (seed + at) % 97);
  const bytesOf = (values: Int32Array) => Buffer.from(values.buffer);
  const outputs = {
    OUTPUT0: bytesOf(left.map((value, at) => value + (right[at] ?? 0))),
    OUTPUT1: bytesOf(left.map((value, at) => value - (right[at] ?? 0))),
  };
  const input = (name: string, values: Int32Array) => ({
    name,
    datatype: "INT32",
    shape: [rows, 16],
    data: bytesOf(values),
  });
  return {
    bytes: encodeQuestion({
      model: "simple",
      inputs: [input("INPUT0", left), input("INPUT1", right)],
    }),
    check(answer) {
      for (const [name, expected] of Object.entries(outputs)) {
        const output = answer.outputs.get(name);
        if (!output || !expected.equals(output)) return `wrong answer: ${name} of request ${seed}`;
      }
      return undefined;
    },
  };
}
