/** Where artifacts compute live requests once more: a worker of their own on cores, or devices that are idle. */
import type { Tensor } from "../../../backends/contract.ts";
import type { Clock } from "../../clock.ts";
import { StatusError } from "../../errors.ts";
import { Lane } from "../../pool/lane.ts";
import type { Pool } from "../../pool/pool.ts";
import type { ModelDefinition } from "../../registry/types.ts";
import type { ShadowDevice, ShadowRun } from "../../scheduling/shadow/shadow-target.ts";
import type { Instance } from "../../workers/types.ts";
import { runOnLane } from "../run-on-lane.ts";
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

  get maxRows(): number {
    return maxRowsOf(this.#definition);
  }

  run(batch: readonly (readonly Tensor[])[]): Promise<ShadowRun> {
    const { workerPid } = this.#instance;
    // After a respawn it is another process.
    if (workerPid !== this.#gaveWay && giveWay(workerPid)) this.#gaveWay = workerPid;
    return runOnLane(this.#lane, this.#definition, batch);
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

  get maxRows(): number {
    return maxRowsOf(this.#definition);
  }

  async run(batch: readonly (readonly Tensor[])[]): Promise<ShadowRun> {
    const lane = this.#lane;
    if (lane === undefined) throw new StatusError("UNAVAILABLE", "no device of it is idle");
    return runOnLane(lane, this.#definition, batch);
  }

  /** They go on serving. */
  async close(): Promise<void> {}
}

/** Longer batches would keep what is live waiting: a device is not taken back from a batch. */
const MOST_ROWS = 64;

const maxRowsOf = ({ signature }: ModelDefinition) =>
  Math.min(MOST_ROWS, Math.max(1, signature.maxBatchSize));
