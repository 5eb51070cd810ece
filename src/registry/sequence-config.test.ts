import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkGeneral } from "./check.ts";
import { checkAgainstArtifact } from "./check-artifact.ts";
import { completeDefaults, completeTensors } from "./complete.ts";
import { parseConfig } from "./config-pbtxt.ts";
import { fieldsOf } from "./model-config.ts";
import { controlInputs, readSequenceRules } from "./sequence-definition.ts";

const parsed = (block: string, more = "") =>
  parseConfig(
    `name: "m" max_batch_size: 8 backend: "echo" ${more} sequence_batching { ${block} }`,
    "m",
  );
const fields = (block: string, more?: string) => fieldsOf(parsed(block, more));
const control = (name: string, kind: string, rest: string) =>
  `control_input { name: "${name}" control { kind: CONTROL_SEQUENCE_${kind} ${rest} } }`;
const INT = "int32_false_true: [ 0, 1 ]";
const state = (initial = "") =>
  `state { input_name: "a" output_name: "b" data_type: TYPE_INT32 dims: [ 2 ] ${initial} }`;
const initial = (rest: string) => state(`initial_state { name: "i" ${rest} }`);

// Texts up to the states are those of a tritonserver 2.51 that was asked.
describe("a sequence_batching block", () => {
  it.each([
    [control("", "START", INT), "sequence batching control tensor must have a name for m"],
    [
      control("A", "START", INT) + control("B", "START", INT),
      "sequence batching specifies multiple CONTROL_SEQUENCE_START tensors for m",
    ],
    [
      control("A", "START", INT) + control("A", "END", INT),
      "sequence batching control tensor 'A' is specified for multiple control kinds for m",
    ],
    [
      control("A", "START", ""),
      "sequence batching must specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for CONTROL_SEQUENCE_START for m",
    ],
    [
      control("A", "START", `${INT} fp32_false_true: [ 0, 1 ]`),
      "sequence batching specifies more than one from 'int32_false_true', 'fp32_false_true' and 'bool_false_true' for CONTROL_SEQUENCE_START for m",
    ],
    [
      control("A", "READY", "int32_false_true: [ 0 ]"),
      "sequence batching control 'int32_false_true' must have exactly 2 entries for CONTROL_SEQUENCE_READY for m",
    ],
    [
      control("A", "CORRID", "data_type: TYPE_FP32"),
      "unexpected data type for control CONTROL_SEQUENCE_CORRID for m. Allowed data types are TYPE_UINT64, TYPE_INT64, TYPE_UINT32, TYPE_INT32 and TYPE_STRING",
    ],
    [
      control("A", "CORRID", `${INT} data_type: TYPE_UINT64`),
      "sequence batching must not specify either 'int32_false_true', 'fp32_false_true' or 'bool_false_true' for CONTROL_SEQUENCE_CORRID for m",
    ],
    [
      "oldest { preferred_batch_size: [ 0 ] }",
      "sequence batching preferred batch size must be positive for m",
    ],
    [
      "oldest { preferred_batch_size: [ 9 ] }",
      "sequence batching preferred batch size must be <= max batch size for m",
    ],
    [
      "direct { minimum_slot_utilization: 1.5 }",
      "sequence batching minimum slot utilization must be in range (0.0, 1.0] for m",
    ],
    [
      state("initial_state { name: 'i' } initial_state { name: 'j' }"),
      "initial_state field for state input 'a' must contain exactly one or zero element. Found '2' elements.",
    ],
    ['state { output_name: "b" }', /must specify both 'input_name' and 'output_name'/],
    ['state { input_name: "a" output_name: "b" dims: [ 1 ] }', /must specify 'data_type'/],
    ['state { input_name: "a" output_name: "b" data_type: TYPE_INT8 }', /must specify 'dims'/],
    [state() + state(), /shares its input or its output/],
    [initial("data_type: TYPE_FP32 dims: [ 2 ] zero_data: true"), /data type of 'initial_state'/],
    [initial("data_type: TYPE_INT32 dims: [ 3 ] zero_data: true"), /which do not fit \[2\]/],
    [initial("data_type: TYPE_INT32 dims: [ 2 ]"), /'zero_data' or 'data_file'/],
    [
      initial('data_type: TYPE_INT32 dims: [ 2 ] data_file: "../x"'),
      /stays inside the model's folder/,
    ],
  ])("%s is refused", (block, text) => {
    expect(() => checkGeneral(fields(block))).toThrow(text);
  });

  it("gets Triton's defaults", () => {
    const complete = (block: string) => fieldsOf(completeDefaults(parsed(block))).sequence_batching;
    expect(complete("direct { }")).toEqual({
      max_sequence_idle_microseconds: "1000000",
      direct: {},
    });
    expect(complete("oldest { max_candidate_sequences: 2 }")?.oldest).toEqual({
      max_candidate_sequences: 2,
      preferred_batch_size: [8],
    });
  });

  it("makes an input of each control, with its values", () => {
    const block =
      control("S", "START", INT) +
      control("E", "END", "fp32_false_true: [ -1, 1 ]") +
      control("R", "READY", "bool_false_true: [ false, true ]") +
      control("C", "CORRID", "data_type: TYPE_STRING") +
      'control_input { name: "nothing" }';
    expect(controlInputs(fields(block))).toMatchObject([
      {
        control: "START",
        spec: { name: "S", datatype: "INT32" },
        values: { true: Buffer.from([1, 0, 0, 0]) },
      },
      {
        control: "END",
        spec: { datatype: "FP32" },
        values: { false: Buffer.from([0, 0, 128, 191]) },
      },
      {
        control: "READY",
        spec: { datatype: "BOOL" },
        values: { false: Buffer.from([0]), true: Buffer.from([1]) },
      },
      { control: "CORRID", spec: { name: "C", datatype: "BYTES", shape: [1] } },
    ]);
  });
});

describe("a sequence model and its artifact", () => {
  const INPUTS = ["x", "S", "a"].map((name) => ({
    name,
    datatype: "INT32" as const,
    shape: name === "a" ? [-1, 2] : [-1, 1],
  }));
  const OUTPUTS = [
    { name: "y", datatype: "INT32" as const, shape: [-1, 1] },
    { name: "b", datatype: "INT32" as const, shape: [-1, 2] },
  ];
  const facts = { inputs: INPUTS, outputs: OUTPUTS, batchable: true, platform: "any" };
  const block = control("S", "START", INT) + state();
  const tensors =
    'input { name: "x" data_type: TYPE_INT32 dims: [ 1 ] } output { name: "y" data_type: TYPE_INT32 dims: [ 1 ] }';

  it("agree where controls and states are inputs and outputs of it", () => {
    expect(() => checkAgainstArtifact(fields(block, tensors), facts)).not.toThrow();
  });

  it.each([
    [[...INPUTS, { ...INPUTS[0], name: "z" }], /expects 3 inputs, model provides 4/],
    [INPUTS.map((one) => (one.name === "S" ? { ...one, name: "T" } : one)), /sequence control 'S'/],
    [
      INPUTS.map((one) => (one.name === "S" ? { ...one, datatype: "FP32" } : one)),
      /expects data-type TYPE_FP32 but the model configuration specifies data-type TYPE_INT32/,
    ],
    [
      INPUTS.map((one) => (one.name === "S" ? { ...one, shape: [-1, 2] } : one)),
      /has dims \[2\] but dims \[1\] is expected/,
    ],
    [INPUTS.map((one) => (one.name === "a" ? { ...one, shape: [-1, 3] } : one)), /tensor 'a'/],
  ])("do not agree: %#", (inputs, text) => {
    const wrong = { ...facts, inputs: inputs as typeof INPUTS };
    expect(() => checkAgainstArtifact(fields(block, tensors), wrong)).toThrow(text);
  });

  it("are completed by the tensors of clients alone", () => {
    const { input, output } = fieldsOf(completeTensors(parsed(block), facts));
    expect(input?.map(({ name }) => name)).toEqual(["x"]);
    expect(output?.map(({ name }) => name)).toEqual(["y"]);
  });
});

describe("the rules of a sequence model", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "beamgate-sequence-"));
    await mkdir(join(folder, "initial_state"));
    await writeFile(join(folder, "initial_state", "eight"), Buffer.alloc(8));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const rulesOf = (block: string) => {
    const written = parsed(block);
    return readSequenceRules(fieldsOf(completeDefaults(written)), fieldsOf(written), folder);
  };

  it("take wishes from the file, not from what was filled in", async () => {
    expect(await rulesOf("oldest { max_queue_delay_microseconds: 500 }")).toMatchObject({
      strategy: "oldest",
      maxIdleMs: 1000,
      maxDelayMs: 0.5,
      maxCandidateSequences: 8,
      preferredRows: [],
    });
    expect(await rulesOf("")).toMatchObject({ strategy: "direct", minimumSlotUtilization: 0 });
  });

  it("find the initial state in the model's folder", async () => {
    const rules = await rulesOf(initial('data_type: TYPE_INT32 dims: [ 2 ] data_file: "eight"'));
    expect(rules?.states).toEqual([
      {
        input: "a",
        output: "b",
        initialShape: [2],
        initialFile: join(folder, "initial_state", "eight"),
      },
    ]);
  });

  it.each([
    ["missing", 'dims: [ 2 ] data_file: "none"', /'none' of state 'a' .* cannot be read/],
    ["of another size", 'dims: [ 3 ] data_file: "eight"', /has 8 bytes, expected 12/],
  ])("refuse one that is %s", async (_, rest, text) => {
    await expect(rulesOf(initial(`data_type: TYPE_INT32 ${rest}`))).rejects.toThrow(text);
  });
});
