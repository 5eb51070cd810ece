/**
 * What every backend owes the gateway, as tests. Each `backends/<kind>/` runs
 * this suite on itself and adds its own cases next to it.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type Backend,
  BackendError,
  type BackendModule,
  type Execution,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
} from "./contract.ts";

/** A model, a batch for it, and what comes out. */
export interface Example {
  readonly variant: ModelVariant;
  readonly inputs: readonly Tensor[];
  /** All outputs, in the variant's order. */
  readonly outputs: readonly Tensor[];
}

export interface ConformanceCase {
  readonly module: BackendModule;
  /** Handed to `create`; default: none. */
  readonly options?: unknown;
  /** With a batch axis, at least two rows and at least two outputs. */
  readonly batched: Example;
  /** Without a batch axis. */
  readonly unbatched: Example;
  /** With BYTES tensors; absent where elements have a fixed size. */
  readonly texts?: Example;
  /** Inputs of the batched example that do not fit the model. */
  readonly misfit: readonly Tensor[];
  /** A variant of readable form that the backend cannot serve. */
  readonly unservable: ModelVariant;
}

export function backendConformance(given: ConformanceCase): void {
  let backend: Backend;
  const loaded: ModelInstance[] = [];

  beforeEach(async () => {
    backend = await given.module.create(given.options ?? {}, { log() {} });
  });
  afterEach(async () => {
    for (const instance of loaded.splice(0)) await instance.unload();
    await backend.close();
  });

  async function load(variant: ModelVariant): Promise<ModelInstance> {
    const [device] = await backend.devices();
    if (device === undefined) throw new Error("no device");
    const instance = await backend.load(variant, device, {}, signal);
    loaded.push(instance);
    return instance;
  }

  describe("devices and artifacts", () => {
    it("lists devices with an id each, the same ones every time", async () => {
      const ids = (await backend.devices()).map(({ id }) => id);
      expect(ids.length).toBeGreaterThan(0);
      expect(new Set(ids).size).toBe(ids.length);
      expect((await backend.devices()).map(({ id }) => id)).toEqual(ids);
    });

    it("goes by the kind it is listed under", () => {
      expect(backend.kind).toBe(given.module.kind);
    });

    it("reads its own artifacts without a device", async () => {
      const facts = await given.module.inspect(given.batched.variant.artifact);
      expect(facts.platform).not.toBe("");
    });

    it("refuses an artifact of another format with fault `artifact`", async () => {
      const foreign = { ...given.batched.variant.artifact, format: "not-mine" };
      await expectFault(given.module.inspect(foreign), "artifact");
    });

    it("refuses at load what it cannot serve, with fault `artifact`", async () => {
      await expectFault(load(given.unservable), "artifact");
    });
  });

  describe("executions", () => {
    it("gives the outputs of the model, in order, under their names", async () => {
      const instance = await load(given.batched.variant);
      await expectOutputs(instance, given.batched);
      expect(instance.device.id).not.toBe("");
    });

    it("gives only the outputs that were asked for", async () => {
      const { variant, inputs, outputs } = given.batched;
      const instance = await load(variant);
      for (const output of outputs) {
        const got = await instance.execute(
          execution({ ...given.batched, outputs: [output] }),
          signal,
        );
        expect(got.map(plain)).toEqual([plain(output)]);
        expect(inputs.length).toBeGreaterThan(0);
      }
    });

    it("gives the same bits time after time", async () => {
      const instance = await load(given.batched.variant);
      for (let i = 0; i < 5; i++) await expectOutputs(instance, given.batched);
    });

    it("serves a model without a batch axis", async () => {
      await expectOutputs(await load(given.unbatched.variant), given.unbatched);
    });

    it("reads inputs that start at any byte", async () => {
      const instance = await load(given.batched.variant);
      const inputs = given.batched.inputs.map((tensor) => ({
        ...tensor,
        data: shifted(tensor.data),
      }));
      await expectOutputs(instance, { ...given.batched, inputs });
    });

    it("leaves the inputs as they are", async () => {
      const instance = await load(given.batched.variant);
      const before = given.batched.inputs.map(({ data }) => data.slice());
      await instance.execute(execution(given.batched), signal);
      expect(given.batched.inputs.map(({ data }) => data.slice())).toEqual(before);
    });

    it("gives the same outputs where it may write them into memory of the caller", async () => {
      const instance = await load(given.batched.variant);
      const reserve = (byteLength: number) => new Uint8Array(new ArrayBuffer(byteLength));
      const got = await instance.execute({ ...execution(given.batched), reserve }, signal);
      expect(got.map(plain)).toEqual(given.batched.outputs.map(plain));
    });

    it("takes as many executions at once as it says", async () => {
      const instance = await load(given.batched.variant);
      const runs = Array.from({ length: instance.maxInFlight ?? 1 }, () =>
        expectOutputs(instance, given.batched),
      );
      await Promise.all(runs);
    });

    it("serves two instances side by side, and one after the other is gone", async () => {
      const first = await load(given.batched.variant);
      const second = await load(given.batched.variant);
      await Promise.all([first, second].map((one) => expectOutputs(one, given.batched)));
      loaded.splice(0, 1);
      await first.unload();
      await expectOutputs(second, given.batched);
    });

    it("refuses tensors that do not fit with fault `input`, and goes on serving", async () => {
      const instance = await load(given.batched.variant);
      const misfit = execution({ ...given.batched, inputs: given.misfit });
      await expectFault(instance.execute(misfit, signal), "input");
      await expectOutputs(instance, given.batched);
    });
  });

  const { texts } = given;
  if (texts !== undefined) {
    it("passes BYTES tensors", async () => {
      await expectOutputs(await load(texts.variant), texts);
    });
  }
}

const signal = new AbortController().signal;

function execution({ variant, inputs, outputs }: Example): Execution {
  const rows = variant.maxBatchSize > 0 ? (inputs[0]?.shape[0] ?? 1) : 1;
  return {
    inputs,
    outputs: outputs.map(({ name }) => name),
    members: [{ rows }],
    reserve: () => undefined,
  };
}

async function expectOutputs(instance: ModelInstance, example: Example): Promise<void> {
  const got = await instance.execute(execution(example), signal);
  expect(got.map(plain)).toEqual(example.outputs.map(plain));
}

/** Comparable, whatever kind of array holds the bytes. */
function plain({ name, datatype, shape, data }: Tensor) {
  return { name, datatype, shape: [...shape], data: Buffer.from(data).toString("hex") };
}

async function expectFault(work: Promise<unknown>, fault: string): Promise<void> {
  const thrown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(thrown).toBeInstanceOf(BackendError);
  expect(thrown).toMatchObject({ fault });
}

/** The same bytes at an odd offset. */
function shifted(data: Uint8Array): Uint8Array {
  const moved = new Uint8Array(data.byteLength + 1).subarray(1);
  moved.set(data);
  return moved;
}
