import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { StatusError } from "../../errors.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { ALL_BINARY, ALL_JSON, type OutputForms } from "../infer/output-form.ts";
import { originHeader } from "../infer/response-parameters.ts";
import { wholeInferResponse, writeInferResponse } from "../infer/write-response.ts";
import type { DirectAnswer } from "./direct-answer.ts";
import { LastAnswer } from "./last-answer.ts";
import { OutgoingAnswers } from "./outgoing-answers.ts";

const DATE = "Sun, 29 Nov 2026 12:00:00 GMT";
const KEEP = "Connection: keep-alive\r\n";
const parameters: Parameters = new Map([
  ["beamgate_variant", { type: "string", value: 'ü "1"' }],
  ["beamgate_emulated", { type: "bool", value: false }],
]);

function response(more: Partial<InferResponse> = {}): InferResponse {
  const data = Buffer.from("raw\r\n");
  const output = { name: "OUT", datatype: "UINT8", shape: [1, data.length], data } as const;
  const told = { parameters, batchRows: 1, queueUs: 0 };
  return { model: "m", version: "1", id: "", outputs: [output], ...told, ...more };
}

function written(answer: InferResponse, wanted: OutputForms): DirectAnswer {
  const origin = originHeader(answer);
  return { kind: "written", written: writeInferResponse(answer, wanted), origin, load: undefined };
}

/** What a socket gets. */
function sent(answers: readonly DirectAnswer[], closes = false): string {
  const chunks: Buffer[] = [];
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const outgoing = new OutgoingAnswers(DATE, KEEP);
  for (const [at, answer] of answers.entries()) {
    if (closes && at === answers.length - 1) outgoing.addLast(answer);
    else outgoing.add(answer);
  }
  outgoing.writeTo(socket);
  return Buffer.concat(chunks).toString("latin1");
}

/** Of the second of two such answers, which is known. */
function known(last: LastAnswer, answer: InferResponse, wanted = ALL_BINARY): DirectAnswer {
  last.known(answer, wanted);
  const known = last.known(answer, wanted);
  if (known === undefined) throw new Error("it is not known");
  return { kind: "known", known };
}

describe("an answer that is like the one before", () => {
  it.each([0, 9, 10, 99, 100, 12_345, 999_999, 1_000_000, 123_456_789])(
    "is sent as if it was written as a whole, with %i in it",
    (number) => {
      const answer = response({ batchRows: number + 1, queueUs: number });
      const whole = sent([written(answer, ALL_BINARY)]);
      expect(sent([known(new LastAnswer(), answer)])).toBe(whole);
      expect(whole).toContain(`batch_size=${number + 1}; queue_us=${number}\r\n`);
    },
  );

  it("may have several raw outputs, and shared ones between them", () => {
    const output = (name: string, ...bytes: number[]) =>
      ({ name, datatype: "UINT8", shape: [bytes.length], data: Buffer.from(bytes) }) as const;
    const answer = response({ outputs: [output("A", 1, 2), output("S", 9, 9, 9), output("B", 3)] });
    const wanted: OutputForms = { forms: ["binary", "shared", "binary"], otherwise: "json" };
    const whole = sent([written(answer, wanted)]);
    expect(sent([known(new LastAnswer(), answer, wanted)])).toBe(whole);
    expect(whole.endsWith("}\x01\x02\x03")).toBe(true);
  });

  it("may be the last of its connection", () => {
    const answer = response();
    const both = [known(new LastAnswer(), answer), known(new LastAnswer(), answer)];
    const whole = [written(answer, ALL_BINARY), written(answer, ALL_BINARY)];
    expect(sent(both, true)).toBe(sent(whole, true));
    expect(sent(both, true)).toContain("Connection: close\r\n");
  });

  it("keeps its place among others, however much they are together", () => {
    const answer = response();
    const error = new StatusError("UNAVAILABLE", "süß");
    const failed: DirectAnswer = { kind: "error", error };
    const large = written(
      response({
        outputs: [
          { name: "OUT", datatype: "UINT8", shape: [70_000], data: Buffer.alloc(70_000, 7) },
        ],
      }),
      ALL_BINARY,
    );
    const plain = written(answer, ALL_BINARY);
    for (const others of [[failed], [failed, large]]) {
      const one = known(new LastAnswer(), answer);
      expect(sent([one, ...others, one])).toBe(sent([plain, ...others, plain]));
    }
    expect(sent([failed])).toContain(Buffer.from('{"error":"süß"}').toString("latin1"));
  });

  it("is a copy: the outputs may be overwritten before it is sent", () => {
    const answer = response();
    const one = known(new LastAnswer(), answer);
    const before = sent([one]);
    answer.outputs[0]?.data.fill(0);
    expect(sent([one])).toBe(before);
  });
});

describe("an answer that is written as a whole", () => {
  const data = Buffer.from(Float64Array.from({ length: 4000 }, (_, at) => at + 0.5).buffer);
  const output = { name: "OUT", datatype: "FP64", shape: [4000], data } as const;

  it.each([
    ["JSON", ALL_JSON],
    ["JSON with raw outputs", { forms: ["json", "binary"], otherwise: "json" } as OutputForms],
  ])("waits as bytes when it has long %s", (_what, wanted) => {
    const long = response({ outputs: [output, { ...output, name: "RAW" }] });
    const { body, jsonBytes } = wholeInferResponse(long, wanted);
    expect(writeInferResponse(long, wanted)).toEqual({ text: "", rest: body, jsonBytes });
    const [head = ""] = sent([written(long, wanted)]).split("\r\n\r\n");
    expect(head).toContain(`\r\nContent-Length: ${body.length}\r\n`);
    expect(head.includes("Inference-Header-Content-Length")).toBe(jsonBytes !== undefined);
    expect(sent([written(long, wanted)])).toBe(`${head}\r\n\r\n${body.toString("latin1")}`);
  });
});

describe("an answer that is not", () => {
  const [output] = response().outputs;
  if (output === undefined) throw new Error("no output");
  const others: readonly [string, InferResponse][] = [
    ["id", response({ id: "i" })],
    ["model", response({ model: "n" })],
    ["version", response({ version: "2" })],
    ["origin", response({ parameters: new Map(parameters) })],
    ["name of an output", response({ outputs: [{ ...output, name: "O" }] })],
    ["datatype", response({ outputs: [{ ...output, datatype: "INT8" }] })],
    ["shape", response({ outputs: [{ ...output, shape: [output.data.length, 1] }] })],
    ["rank", response({ outputs: [{ ...output, shape: [output.data.length] }] })],
    ["number of outputs", response({ outputs: [output, output] })],
    ["size", response({ outputs: [{ ...output, data: Buffer.from("other") }, output] })],
  ];

  it.each(others)("because of its %s is written as a whole", (_what, other) => {
    const last = new LastAnswer();
    known(last, response());
    expect(last.known(other, ALL_BINARY)).toBeUndefined();
    expect(last.known(other, ALL_BINARY)).toBeDefined();
    expect(last.known(response(), ALL_BINARY)).toBeUndefined();
  });

  it("because its client wants it otherwise is written as a whole", () => {
    const last = new LastAnswer();
    known(last, response());
    const wanted: OutputForms = { forms: ["binary"], otherwise: "json" };
    expect(last.known(response(), wanted)).toBeUndefined();
  });

  it.each([
    ["values in its JSON", response(), ALL_JSON],
    ["no bytes", response({ outputs: [{ ...output, data: Buffer.alloc(0) }] }), ALL_BINARY],
    ["many bytes", response({ outputs: [{ ...output, data: Buffer.alloc(5000) }] }), ALL_BINARY],
    ["no origin", response({ parameters: undefined }), ALL_BINARY],
    ["a long id", response({ id: "i".repeat(257) }), ALL_BINARY],
    ["many outputs", response({ outputs: Array.from({ length: 65 }, () => output) }), ALL_BINARY],
    ["many wishes", response(), { forms: Array(65).fill("binary"), otherwise: "binary" } as const],
  ])("with %s never is", (_what, answer, wanted) => {
    const last = new LastAnswer();
    for (let count = 0; count < 3; count += 1) {
      expect(last.known(answer, wanted)).toBeUndefined();
    }
  });
});
