/**
 * What the rest of the gateway sees of worker processes: instances of models
 * that execute batches, and rooms to write the batches into. A room of a local
 * worker is shared memory; of one elsewhere, plain memory. Nobody outside this
 * folder can tell.
 */
import type {
  Device,
  DeviceSensors,
  ExecutionMember,
  LoadOptions,
  ModelVariant,
} from "../../backends/contract.ts";
import type { ModelSignature } from "../inference/request.ts";
import type { WarmupSample } from "../inference/warmup.ts";

/** Memory for one execution: the caller writes the inputs, the instance adds outputs. */
export interface Room {
  /** At least as long as was asked for. */
  readonly bytes: Buffer;
  /** Gives the room back. Views of `bytes` must not be touched afterwards. Idempotent. */
  release(): void;
}

/** An input as it lies in the room; 64-byte aligned. */
export interface PlacedInput {
  /** Position in the variant's inputs. */
  readonly index: number;
  /** Full shape. */
  readonly shape: readonly number[];
  readonly offset: number;
  readonly byteLength: number;
}

export interface Run {
  readonly room: Room;
  readonly inputs: readonly PlacedInput[];
  /** First free byte behind the inputs: outputs may be written from here on. */
  readonly outputOffset: number;
  /** Positions in the variant's outputs, ascending. */
  readonly outputs: readonly number[];
  /** Rows of each member, in order. */
  readonly memberRows: readonly number[];
  /** In the order of the members, where one of them has more to say than its rows. */
  readonly notes?: readonly MemberNote[] | undefined;
  /**
   * For a decoupled model: called for every response, in the order in which the
   * worker sent them; its views are valid during the call only. The run's result then has no outputs.
   */
  readonly onResponse?: ((response: RunResponse) => void) | undefined;
  /** For a decoupled model: aborted when nobody waits for more responses; the run then ends early. */
  readonly signal?: AbortSignal | undefined;
}

/** What a backend is told of one member of a batch. */
export type MemberNote = Omit<ExecutionMember, "rows">;

/** One response of a decoupled model. */
export interface RunResponse {
  /** Position in the batch. */
  readonly member: number;
  readonly outputs: readonly RunOutput[];
  /** From the start of the execution to this response, and for handing it over, µs. */
  readonly inferUs: number;
  readonly outputUs: number;
}

export interface RunOutput {
  /** Position in the variant's outputs. */
  readonly index: number;
  readonly shape: readonly number[];
  /** A view of the room, or memory of its own where the room was too small. */
  readonly data: Uint8Array;
}

/** Durations measured inside the worker, in µs. */
export interface RunTiming {
  readonly inputUs: number;
  readonly inferUs: number;
  readonly outputUs: number;
}

export interface RunResult {
  readonly outputs: readonly RunOutput[];
  readonly timing: RunTiming;
}

/** Why a run has no result although the model may be fine: its worker is gone. */
export class WorkerLost extends Error {
  override readonly name = "WorkerLost";
  /** True when this run was the one executing; false when it still waited in the worker's socket. */
  readonly executing: boolean;
  constructor(message: string, executing: boolean) {
    super(message);
    this.executing = executing;
  }
}

/** What the load found out by running the model once or more. */
export interface LoadReport {
  readonly device: Device;
  /** Same row alone and inside batches gave the same bits. undefined: no batch axis, or too slow to try. */
  readonly batchInvariant: boolean | undefined;
  /** Smallest time of one execution with one row seen at load, µs. */
  readonly firstRunUs: number;
  readonly maxInFlight: number;
}

/** One instance of a variant in a worker; survives its worker's death by being loaded again. */
export interface Instance {
  readonly id: string;
  readonly variant: ModelVariant;
  readonly report: LoadReport;
  /** Process id of the worker now; 0 while it is being respawned. */
  readonly workerPid: number;
  /** True between a successful (re)load and the worker's death, while its device does not say otherwise. */
  readonly ready: boolean;
  /**
   * Why it could not be loaded again after its worker's death, or why its device does not serve;
   * undefined while neither is so. It is tried on.
   */
  readonly failure: string | undefined;
  /** Called whenever `ready` or `failure` changes. */
  onChange: (() => void) | undefined;

  /** A room of at least `byteLength` bytes; undefined while all rooms of the instance are taken. */
  room(byteLength: number): Room | undefined;

  /**
   * Executes. Up to `report.maxInFlight + 1` runs may be given at once: the
   * extra one waits in the worker, so that the device never waits for the gateway.
   * @throws WorkerLost (rejection) when the worker died, BackendError when the backend refused.
   */
  run(run: Run): Promise<RunResult>;

  /**
   * Runs it once more as at its load, after the runs that were given before.
   * @throws WorkerLost, BackendError (as rejections)
   */
  probe(): Promise<void>;

  /** A sequence ended without an END: its state is not needed any more. */
  forget(sequence: string): void;

  /** Unloads and frees the worker if nobody else uses it. After the last run settled. */
  close(): Promise<void>;
}

export interface LoadRequest {
  readonly backendKind: string;
  readonly variant: ModelVariant;
  /** What clients send and get, for the requests of the first runs; absent: what the variant says. */
  readonly signature?: ModelSignature;
  /** Run at every load before the instance is ready. */
  readonly warmup?: readonly WarmupSample[] | undefined;
  readonly options: LoadOptions;
  /**
   * `cpu`: instances may share worker processes beyond the configured number.
   * Any other value (a device id): the instance gets the worker of that device.
   */
  readonly device: string;
  /** Instances of one name share a worker that no others get, wherever they run; absent: as `device` says. */
  readonly worker?: string;
}

/** All worker processes of this gateway. */
export interface Fleet {
  /** Spawns or chooses a worker, loads, checks the signature, runs the smoke inference and the probes. */
  load(request: LoadRequest, signal: AbortSignal): Promise<Instance>;
  /**
   * The devices that a backend sees on this host, asked for in a worker of its own.
   * @throws BackendError (as a rejection) where its library is missing or broken
   */
  devices(backendKind: string): Promise<readonly Device[]>;
  /**
   * What the sensors of those devices say, asked for in a worker of its own: a process each time, so
   * for every few seconds at most. None where the backend reads none.
   * @throws BackendError (as a rejection) where it cannot be asked
   */
  sensors(backendKind: string): Promise<readonly DeviceSensors[]>;
  /** Ends every worker; resolves when they are gone. */
  close(): Promise<void>;
  /** For dashboards and tests. */
  workers(): readonly WorkerView[];
}

export interface WorkerView {
  /** `cpu`, the id of a device, or the name of those that no others share. */
  readonly device: string;
  readonly pid: number;
  readonly state: "starting" | "ready" | "dead";
  readonly instances: readonly string[];
  /** Runs given to it and not settled. */
  readonly inFlight: number;
  readonly respawns: number;
  /** The last death of one of its processes that nobody wished for. */
  readonly lastDeath?: { readonly reason: string; readonly secondsAgo: number };
}
