/** Clients of two gateways that change one model at once, each from the generation that it read. */
import { expect } from "../../support/cases.ts";
import { checkLinearizable, type Operation } from "../../support/registry/linearizable.ts";
import { addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { becomes } from "./becomes.ts";
import type { Pair } from "./gateway-on-store.ts";
import { Refusal, type RegistryClient } from "./registry-client.ts";

const MODEL = "contended";
/** At each gateway. */
const WRITERS = 2;
const LIMIT_MS = 60_000;

export async function writeAtOnce(pair: Pair, writes: number): Promise<string> {
  const [{ registry }, other] = pair;
  await uploadAndRegister(registry, MODEL, addingVersion("1", 5));
  const base = (await registry.model(MODEL)).generation;
  const there = () =>
    other.registry.model(MODEL).then(
      ({ generation }) => generation === base,
      () => false,
    );
  expect(await becomes(there, LIMIT_MS), "the other gateway never heard of the model");
  const each = Math.ceil(writes / WRITERS / pair.length);
  const writers = pair.flatMap((gateway, at) =>
    Array.from({ length: WRITERS }, (_, writer) =>
      write(gateway.registry, `${at}-${writer}`, each, base),
    ),
  );
  const operations = (await Promise.all(writers)).flat();
  checkLinearizable(operations);
  const committed = operations.filter((operation) => operation.committed !== undefined).length;
  const ends = await Promise.all(
    pair.map((gateway) => readLast(gateway.registry, committed + base)),
  );
  expect(ends[0] === ends[1], `the last change is ${ends[0]} at one and ${ends[1]} at the other`);
  const lost = operations.length - committed;
  expect(committed > 0 && lost > 0, `${committed} committed, ${lost} lost: they never met`);
  return `${committed} committed, ${lost} lost and were told the generation`;
}

/** Its note is the last change: who changes it next says so, and whose result it was made from. */
async function write(
  registry: RegistryClient,
  writer: string,
  operations: number,
  base: number,
): Promise<Operation[]> {
  const done: Operation[] = [];
  for (let turn = 0; turn < operations; turn += 1) {
    const id = `${writer}-${turn}`;
    const { generation, note } = await read(registry);
    const began = performance.now();
    const operation = { id, model: MODEL, began, expected: generation - base };
    try {
      const change = { version: "1", note: id, generation };
      const { generation: committed } = await registry.change(MODEL, "pin", change);
      const ended = performance.now();
      done.push({ ...operation, previous: note, ended, committed: committed - base });
    } catch (thrown) {
      const told = thrown instanceof Refusal && thrown.code === "ABORTED" ? thrown : undefined;
      if (told?.generation === undefined) throw thrown;
      done.push({ ...operation, ended: performance.now(), lostTo: told.generation - base });
    }
  }
  return done;
}

async function read(registry: RegistryClient): Promise<{ generation: number; note: string }> {
  const { generation, model } = await registry.model(MODEL);
  return { generation, note: model.versions["1"]?.artifacts[0]?.pinned?.note ?? "" };
}

/** Once the gateway has seen this generation. */
async function readLast(registry: RegistryClient, wanted: number): Promise<string> {
  const seen = async () => (await read(registry)).generation >= wanted;
  expect(await becomes(seen, LIMIT_MS), `a gateway never saw generation ${wanted}`);
  const { generation, note } = await read(registry);
  expect(generation === wanted, `generation ${generation}, after ${wanted} changes`);
  return note;
}
