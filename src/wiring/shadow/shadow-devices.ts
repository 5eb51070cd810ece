/** Where artifacts compute live requests once more: a worker of their own on cores, or devices that are idle. */
import type { Tensor } from "../../../backends/contract.ts";
import type { Clock } from "../../clock.ts";
import { StatusError } from "../../errors.ts";
import { splitOutputs } from "../../inference/split-outputs.ts";
import { checkRequest } from "../../inference/validate.ts";
import { Lane } from "../../pool/lane.ts";
import type { Pool } from "../../pool/pool.ts";
import type { ModelDefinition } from "../../registry/types.ts";
import type { ShadowDevice, ShadowRun } from "../../scheduling/shadow/shadow-target.ts";
import type { Instance } from "../../workers/types.ts";
import { wireOf } from "../gate-executor.ts";
import { giveWay } from "./idle-priority.ts";

/** An instance of its own, in a worker that gives way to everybody else. */
export class OwnCores implements ShadowDevice {
  readonly #definition: ModelDefinition;
  readonly #instance: Instance;
  readonly #lane: Lane;
  readonly #coresIdle: () => boolean;
  #gaveWay = 0;

  constructor(
    definition: ModelDefinition,
    instance: Instance,
    { now }: Pick<Clock, "now">,
    coresIdle: () => boolean,
  ) {
    this.#definition = definition;
    this.#instance = instance;
    this.#lane = new Lane(instance, now);
    this.#coresIdle = coresIdle;
  }

  get idle(): boolean {
    return this.#lane.idle && this.#coresIdle();
  }

  run(inputs: readonly Tensor[]): Promise<ShadowRun> {
    const { workerPid } = this.#instance;
    // After a respawn it is another process.
    if (workerPid !== this.#gaveWay && giveWay(workerPid)) this.#gaveWay = workerPid;
    return runOn(this.#lane, this.#definition, inputs);
  }

  close(): Promise<void> {
    return this.#instance.close();
  }
}

/** Devices that serve the artifact, while nothing live runs on one of them or waits for it. */
export class IdleDevices implements ShadowDevice {
  readonly #definition: ModelDefinition;
  readonly #pool: Pool;
  readonly #deviceIdle: (id: string) => boolean;

  constructor(definition: ModelDefinition, pool: Pool, deviceIdle: (id: string) => boolean) {
    this.#definition = definition;
    this.#pool = pool;
    this.#deviceIdle = deviceIdle;
  }

  get idle(): boolean {
    return this.#lane !== undefined;
  }

  get #lane(): Lane | undefined {
    return this.#pool.lanes.find(
      (lane) => lane.idle && lane.running === 0 && this.#deviceIdle(lane.instance.report.device.id),
    );
  }

  async run(inputs: readonly Tensor[]): Promise<ShadowRun> {
    const lane = this.#lane;
    if (lane === undefined) throw new StatusError("UNAVAILABLE", "no device of it is idle");
    return runOn(lane, this.#definition, inputs);
  }

  /** They go on serving. */
  async close(): Promise<void> {}
}

async function runOn(
  lane: Lane,
  definition: ModelDefinition,
  inputs: readonly Tensor[],
): Promise<ShadowRun> {
  const { signature } = definition;
  const request = checkRequest(wireOf(definition, inputs, undefined), signature, undefined);
  const executed = await lane.execute([request]);
  try {
    const [tensors = []] = splitOutputs(signature, [request], executed.outputs);
    return {
      outputs: new Map(tensors.map(({ name, data }) => [name, Uint8Array.from(data)])),
      deviceUs: executed.timing.inferUs,
    };
  } finally {
    executed.release();
  }
}
