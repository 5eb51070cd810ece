/** Loads, unloads and requests at random, all at once: what is served is loaded, and the last order holds. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../clock.ts";
import { silent } from "../logger.ts";
import type { ControlParameter } from "./control.ts";
import { ModelRepository } from "./repository.ts";
import type { ModelDefinition } from "./types.ts";

const MODELS = ["a", "b"];
/** 10 000 before a release: `BEAMGATE_TEST_SEQUENCES=10000 npx vitest run ... explicit.property`. */
const SEQUENCES = Number(process.env["BEAMGATE_TEST_SEQUENCES"] ?? 60);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "beamgate-random-"));
  for (const model of MODELS) {
    await mkdir(join(root, model, "1"), { recursive: true });
    await writeFile(join(root, model, "config.pbtxt"), 'backend: "fake" max_batch_size: 1');
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Loaded {
  readonly definition: ModelDefinition;
  users: number;
  gone: boolean;
}

const ticks = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Takes as long, and fails as often, as it is told; writes down what must not happen. */
class RandomLoader {
  readonly wrong: string[] = [];
  readonly alive = new Set<Loaded>();
  readonly #draws: readonly number[];
  #next = 0;

  constructor(draws: readonly number[]) {
    this.#draws = draws;
  }

  #draw(): number {
    return this.#draws[this.#next++ % this.#draws.length] ?? 0;
  }

  async load(definition: ModelDefinition): Promise<Loaded> {
    await ticks(this.#draw());
    const loaded = { definition, users: 0, gone: false };
    this.alive.add(loaded);
    return loaded;
  }

  async unload(loaded: Loaded): Promise<void> {
    if (!this.alive.delete(loaded)) this.wrong.push("unloaded twice");
    while (loaded.users > 0) await ticks(1);
    await ticks(this.#draw());
    loaded.gone = true;
  }

  trouble(): undefined {
    return undefined;
  }
}

type Order =
  | { readonly kind: "load"; readonly model: string; readonly batchSize: number }
  | { readonly kind: "unload"; readonly model: string }
  | { readonly kind: "infer"; readonly model: string; readonly takes: number }
  | { readonly kind: "wait"; readonly takes: number };

const model = fc.constantFrom(...MODELS);
const takes = fc.nat(6);
const order: fc.Arbitrary<Order> = fc.oneof(
  fc.record({
    kind: fc.constant("load" as const),
    model,
    batchSize: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant("unload" as const), model }),
  fc.record({ kind: fc.constant("infer" as const), model, takes }),
  fc.record({ kind: fc.constant("wait" as const), takes }),
);

/** 1 is what the repository says itself. */
function parametersOf(batchSize: number): ReadonlyMap<string, ControlParameter> {
  if (batchSize === 1) return new Map();
  const value = JSON.stringify({ backend: "fake", max_batch_size: batchSize });
  return new Map([["config", { type: "string", value }]]);
}

describe("orders that come all at once", () => {
  it(
    "end in what was asked for last, and nobody is served by what is gone",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(order, { maxLength: 25 }),
          fc.array(takes, { minLength: 1 }),
          story,
        ),
        { numRuns: SEQUENCES },
      );
    },
    60_000 + 100 * SEQUENCES,
  );
});

async function story(orders: readonly Order[], draws: readonly number[]): Promise<void> {
  const loader = new RandomLoader(draws);
  const tensor = { datatype: "FP32", shape: [-1, 4] } as const;
  const repository = new ModelRepository<Loaded>({
    roots: [root],
    controlMode: "explicit",
    pollSecs: 15,
    loadModels: [],
    autoComplete: true,
    exitOnError: false,
    maxParallelLoads: 2,
    modules: [
      {
        kind: "fake",
        platforms: ["fake"],
        formats: {},
        inspect: async () => ({
          platform: "any",
          inputs: [{ ...tensor, name: "x" }],
          outputs: [{ ...tensor, name: "y" }],
          batchable: true,
        }),
      },
    ],
    loader,
    clock: systemClock,
    log: silent,
  });
  await repository.start();
  const last = new Map<string, number | undefined>();
  const settled: Promise<unknown>[] = [];

  const infer = async (name: string, duration: number) => {
    if (!repository.isReady(name, "")) return;
    const { loaded } = repository.resolve(name, "");
    if (!loader.alive.has(loaded)) loader.wrong.push("served by what is gone");
    loaded.users++;
    await ticks(duration);
    if (loaded.gone) loader.wrong.push("gone under a request");
    loaded.users--;
  };

  for (const one of orders) {
    if (one.kind === "wait") await ticks(one.takes);
    else if (one.kind === "infer") settled.push(infer(one.model, one.takes));
    else if (one.kind === "unload") {
      last.set(one.model, undefined);
      settled.push(repository.unloadModel(one.model, new Map()));
    } else {
      last.set(one.model, one.batchSize);
      settled.push(repository.loadModel(one.model, parametersOf(one.batchSize)));
    }
  }
  await Promise.all(settled);
  for (const [name, batchSize] of last) {
    const ready = repository.isReady(name, "");
    const served = ready
      ? repository.resolve(name, "").definition.signature.maxBatchSize
      : undefined;
    expect(served).toBe(batchSize);
  }
  const serving = [...last.values()].filter((batchSize) => batchSize !== undefined);
  expect(loader.alive.size).toBe(serving.length);
  await repository.stop();
  expect(loader.alive.size).toBe(0);
  expect(loader.wrong).toEqual([]);
}
