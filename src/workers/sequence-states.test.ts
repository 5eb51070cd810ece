import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  Datatype,
  ExecutionMember,
  ModelVariant,
  StateSpec,
  Tensor,
} from "../../backends/contract.ts";
import { SequenceStates } from "./sequence-states.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-states-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function states(
  given: Partial<StateSpec> & { shape?: number[]; datatype?: Datatype; maxBatchSize?: number } = {},
) {
  const { shape = [2], datatype = "UINT8", maxBatchSize = 4, ...rest } = given;
  const spec = (name: string) => ({ name, datatype, shape });
  const variant: ModelVariant = {
    model: "m",
    version: "1",
    inputs: [spec("x"), spec("in")],
    outputs: [spec("y"), spec("out")],
    states: [{ input: "in", output: "out", initialShape: shape, ...rest }],
    maxBatchSize,
    artifact: { digest: "", path: "", format: "echo", platform: "any" },
  };
  return new SequenceStates(variant);
}

/** "a[" is the first request of sequence a, "a]" its last, "" fills an empty slot. */
function members(...marks: string[]): ExecutionMember[] {
  return marks.map((mark) => {
    const id = mark.replace(/[[\]]/g, "");
    if (id === "") return { rows: 1 };
    return { rows: 1, sequence: { id, start: mark.includes("["), end: mark.includes("]") } };
  });
}
const output = (shape: number[], ...bytes: number[]): Tensor => ({
  name: "out",
  datatype: "UINT8",
  shape,
  data: Uint8Array.from(bytes),
});
const bytesOf = ([tensor]: readonly Tensor[]) => [...(tensor?.data ?? [])];

describe("the state of a sequence whose model answers each request by itself", () => {
  it("is its initial one after a START that gave none, not that of the sequence before", () => {
    const kept = states();
    kept.keep(members("a["), [output([1, 2], 7, 8)]);
    kept.begin(members("a[", "b"));
    expect(bytesOf(kept.inputs(members("a")))).toEqual([0, 0]);
    expect(() => kept.inputs(members("b"))).toThrow(/no state/);
  });
});

describe("the state of a sequence", () => {
  it("starts with zeros and is what the last execution gave, in whatever row", () => {
    const kept = states();
    expect(kept.inputs(members("a[", "b["))).toEqual([
      { name: "in", datatype: "UINT8", shape: [2, 2], data: Buffer.alloc(4) },
    ]);
    kept.keep(members("a[", "b["), [output([2, 2], 1, 2, 3, 4)]);
    expect(bytesOf(kept.inputs(members("b", "a")))).toEqual([3, 4, 1, 2]);
  });

  it("is a copy: the output's memory is used again", () => {
    const kept = states();
    const tensor = output([1, 2], 1, 2);
    kept.keep(members("a["), [tensor]);
    tensor.data.fill(0);
    expect(bytesOf(kept.inputs(members("a")))).toEqual([1, 2]);
  });

  it("starts again with START", () => {
    const kept = states();
    kept.keep(members("a["), [output([1, 2], 1, 2)]);
    expect(bytesOf(kept.inputs(members("a[")))).toEqual([0, 0]);
  });

  it("goes with END, and when the gateway says so", () => {
    const kept = states();
    kept.keep(members("a[", "b[", "c["), [output([3, 2], 1, 2, 3, 4, 5, 6)]);
    kept.keep(members("a]"), [output([1, 2], 1, 2)]);
    kept.forget("b");
    expect(kept.size).toBe(1);
    expect(() => kept.inputs(members("a"))).toThrow(/sequence a has no state/);
  });

  it("is untouched by the filling of an empty slot", () => {
    const kept = states();
    expect(bytesOf(kept.inputs(members("a[", "")))).toEqual([0, 0, 0, 0]);
    kept.keep(members("a[", ""), [output([2, 2], 1, 2, 9, 9)]);
    expect(kept.size).toBe(1);
  });

  it("may grow where its axis is open", () => {
    const kept = states({ shape: [-1], initialShape: [1] });
    expect(kept.inputs(members("a["))[0]?.shape).toEqual([1, 1]);
    kept.keep(members("a["), [output([1, 3], 1, 2, 3)]);
    expect(kept.inputs(members("a"))[0]).toMatchObject({ shape: [1, 3] });
  });

  it("has no batch axis where the model has none", () => {
    const kept = states({ maxBatchSize: 0 });
    expect(kept.inputs(members("a["))[0]?.shape).toEqual([2]);
    kept.keep(members("a["), [output([2], 5, 6)]);
    expect(kept.inputs(members("a"))[0]).toMatchObject({ shape: [2], data: Buffer.from([5, 6]) });
  });

  it("of texts is parted by their lengths", () => {
    const kept = states({ datatype: "BYTES", shape: [1] });
    expect(bytesOf(kept.inputs(members("a[")))).toEqual([0, 0, 0, 0]);
    const data = Uint8Array.from([1, 0, 0, 0, 65, 2, 0, 0, 0, 66, 67]);
    kept.keep(members("a[", "b["), [{ name: "out", datatype: "BYTES", shape: [2, 1], data }]);
    expect(bytesOf(kept.inputs(members("b")))).toEqual([2, 0, 0, 0, 66, 67]);
  });

  it("may start with the bytes of a file", async () => {
    const initialFile = join(folder, "seven");
    await writeFile(initialFile, Buffer.from([7, 8]));
    expect(bytesOf(states({ initialFile }).inputs(members("a[", "b[")))).toEqual([7, 8, 7, 8]);
    expect(() => states({ initialFile: join(folder, "missing") })).toThrow(/cannot be read/);
  });

  it("with a wrong number of rows is the model's fault", () => {
    expect(() => states().keep(members("a[", "b["), [output([1, 2], 1, 2)])).toThrow(
      "state 'out' has 1 rows for a batch of 2",
    );
  });
});
