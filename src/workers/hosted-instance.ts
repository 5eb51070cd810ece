/** One loaded model inside the worker: takes runs in order, executes them, places their outputs. */
import type {
  BackendFault,
  Execution,
  ModelInstance,
  ModelVariant,
  Tensor,
} from "../../backends/contract.ts";
import { BackendError } from "../../backends/contract.ts";
import type { Channel } from "./channel.ts";
import { wrongWithBytes } from "./check-outputs.ts";
import { INLINE, type PlacedOutput, type RunMessage, resultFrame } from "./run-frames.ts";
import { SequenceStates } from "./sequence-states.ts";
import { Slab } from "./slab.ts";
import { StreamedRun } from "./streamed-run.ts";
import { type RoomWords, wordsFrame } from "./words.ts";

/** Outputs start at multiples of this, as vector units like it. */
const ALIGNMENT = 64;

interface WaitingRun {
  readonly message: RunMessage;
  readonly payload: Buffer;
}

export class HostedInstance {
  readonly #variant: ModelVariant;
  readonly #instance: ModelInstance;
  readonly #channel: Channel;
  readonly #rooms = new Map<number, Slab>();
  readonly #waiting: WaitingRun[] = [];
  readonly #closing = new AbortController();
  /** Streamed runs that execute. */
  readonly #streamed = new Map<number, StreamedRun>();
  readonly #states: SequenceStates;
  readonly #firstRuns: () => Promise<unknown>;
  #executing = 0;
  /** It has given a whole answer: from then on half of one is its device's fault, and not that of who made the model. */
  #answered = false;
  /** Waits for the runs that execute; those that wait come after it. */
  #probing: (() => void) | undefined;

  /** @param firstRuns what was run at its load */
  constructor(
    variant: ModelVariant,
    instance: ModelInstance,
    channel: Channel,
    firstRuns: () => Promise<unknown>,
  ) {
    this.#variant = variant;
    this.#instance = instance;
    this.#channel = channel;
    this.#firstRuns = firstRuns;
    this.#states = new SequenceStates(variant);
  }

  openRooms(rooms: readonly RoomWords[]): void {
    for (const { id, path } of rooms) this.#rooms.set(id, Slab.open(path));
  }

  /** Executes now, or after the runs that came before. */
  accept(message: RunMessage, payload: Buffer): void {
    const free = this.#executing < (this.#instance.maxInFlight ?? 1);
    if (free && this.#probing === undefined) void this.#conduct(message, payload);
    else this.#waiting.push({ message, payload });
  }

  /** Runs it as at its load, between two runs. @throws BackendError */
  async probe(): Promise<void> {
    if (this.#probing !== undefined) throw new BackendError("internal", "it is being probed");
    let begin = () => {};
    const alone = new Promise<void>((resolve) => {
      begin = resolve;
    });
    this.#probing = begin;
    if (this.#executing === 0) begin();
    await alone;
    try {
      await this.#firstRuns();
    } finally {
      this.#probing = undefined;
      const free = this.#instance.maxInFlight ?? 1;
      for (const { message, payload } of this.#waiting.splice(0, free)) {
        void this.#conduct(message, payload);
      }
    }
  }

  /** Nobody waits for the responses of this run any more. */
  abort(run: number): void {
    this.#streamed.get(run)?.abort();
    const at = this.#waiting.findIndex(({ message }) => message.run === run);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    const timing = { inputUs: 0, inferUs: 0, outputUs: 0 };
    this.#channel.send(resultFrame({ run, timing, outputs: [] }, 0));
  }

  /** A sequence ended without an END: what is kept for it goes. */
  forget(sequence: string): void {
    this.#states.forget(sequence);
  }

  async unload(): Promise<void> {
    this.#closing.abort();
    await this.#instance.unload();
    for (const slab of this.#rooms.values()) slab.close();
    this.#rooms.clear();
  }

  async #conduct(message: RunMessage, payload: Buffer): Promise<void> {
    this.#executing += 1;
    try {
      await this.#execute(message, payload);
    } catch (thrown) {
      const { fault, message: reason } = describeFailure(thrown);
      this.#channel.send(wordsFrame({ type: "failure", run: message.run, fault, message: reason }));
    }
    this.#executing -= 1;
    if (this.#probing !== undefined) {
      if (this.#executing === 0) this.#probing();
      return;
    }
    const next = this.#waiting.shift();
    if (next) void this.#conduct(next.message, next.payload);
  }

  async #execute(message: RunMessage, payload: Buffer): Promise<void> {
    const begin = performance.now();
    const space = this.#space(message, payload);
    const names = message.outputs.map((index) => this.#outputName(index));
    const members = message.memberRows.map((rows, i) => ({ rows, ...message.notes?.[i] }));
    const states = this.#states.outputs;
    const execution: Execution = {
      inputs: [
        ...message.inputs.map((placed) => this.#input(placed, space.memory)),
        ...this.#states.inputs(members),
      ],
      // A state may also be an output that clients see.
      outputs: [...names, ...states.filter((name) => !names.includes(name))],
      members,
      reserve: (byteLength) => space.reserve(byteLength),
    };
    const ready = performance.now();
    if (message.streamed) {
      await this.#stream(message.run, execution, names, ready - begin);
      return;
    }
    const tensors = await this.#instance.execute(execution, this.#closing.signal);
    if (states.length > 0) this.#states.keep(members, stateOutputs(states, tensors));
    const executed = performance.now();

    const payloads: Uint8Array[] = [];
    let payloadBytes = 0;
    const outputs = message.outputs.map((index, i): PlacedOutput => {
      const tensor = tensors[i];
      if (tensor === undefined || tensor.name !== names[i]) {
        throw this.#broken(wrongOutputs(names, tensors));
      }
      const wrong = wrongWithBytes(tensor);
      if (wrong !== undefined) throw this.#broken(wrong);
      const { shape, data } = tensor;
      const placed = space.place(data);
      if (placed !== undefined) {
        return { index, shape, inline: false, offset: placed, byteLength: data.byteLength };
      }
      payloads.push(data);
      payloadBytes += data.byteLength;
      const offset = payloadBytes - data.byteLength;
      return { index, shape, inline: true, offset, byteLength: data.byteLength };
    });
    this.#answered = true;
    const timing = {
      inputUs: (ready - begin) * 1000,
      inferUs: (executed - ready) * 1000,
      outputUs: (performance.now() - executed) * 1000,
    };
    this.#channel.send(resultFrame({ run: message.run, timing, outputs }, payloadBytes), payloads);
  }

  /** @param wanted names of the outputs that leave this process */
  async #stream(
    run: number,
    execution: Execution,
    wanted: readonly string[],
    inputMs: number,
  ): Promise<void> {
    const { stream } = this.#instance;
    if (stream === undefined) throw new BackendError("internal", "this backend cannot stream");
    const streamed = new StreamedRun(run, execution, this.#variant, this.#channel);
    const signal = AbortSignal.any([this.#closing.signal, streamed.signal]);
    this.#streamed.set(run, streamed);
    const emit = this.#emitterOf(streamed, execution, wanted);
    this.#states.begin(execution.members);
    try {
      await stream.call(this.#instance, execution, emit, signal);
    } finally {
      streamed.end();
      this.#streamed.delete(run);
    }
    for (const { sequence } of execution.members) if (sequence?.end) this.forget(sequence.id);
    const timing = { inputUs: inputMs * 1000, ...streamed.end() };
    this.#channel.send(resultFrame({ run, timing, outputs: [] }, 0));
  }

  /** Keeps the states that responses carry. A response without them leaves those that were. */
  #emitterOf(streamed: StreamedRun, { members }: Execution, wanted: readonly string[]) {
    const states = this.#states.outputs;
    if (states.length === 0) {
      return (member: number, outputs: readonly Tensor[]) => streamed.emit(member, outputs);
    }
    return (member: number, outputs: readonly Tensor[]) => {
      const own = members[member];
      const carried = outputs.some(({ name }) => states.includes(name));
      if (own && carried) this.#states.keep([own], stateOutputs(states, outputs));
      const shown = outputs.filter(({ name }) => !states.includes(name) || wanted.includes(name));
      return streamed.emit(member, shown);
    };
  }

  #space(message: RunMessage, payload: Buffer): RunSpace {
    if (message.room === INLINE) return new RunSpace(payload.buffer, payload.byteLength);
    const slab = this.#rooms.get(message.room);
    if (slab === undefined) throw new BackendError("internal", `no room ${message.room} here`);
    return new RunSpace(slab.view(message.roomBytes), message.outputOffset);
  }

  #input(placed: RunMessage["inputs"][number], memory: ArrayBufferLike): Tensor {
    const spec = this.#variant.inputs[placed.index];
    if (spec === undefined) throw new BackendError("internal", `no input ${placed.index}`);
    return {
      name: spec.name,
      datatype: spec.datatype,
      shape: placed.shape,
      data: new Uint8Array(memory, placed.offset, placed.byteLength),
    };
  }

  /** A `device` fault has the batch run elsewhere, and is counted against this device. */
  #broken(reason: string): BackendError {
    return new BackendError(this.#answered ? "device" : "internal", reason);
  }

  #outputName(index: number): string {
    const spec = this.#variant.outputs[index];
    if (spec === undefined) throw new BackendError("internal", `no output ${index}`);
    return spec.name;
  }
}

/** Where the tensors of one run lie: a room with free space behind the inputs, or just the inputs. */
class RunSpace {
  readonly memory: ArrayBufferLike;
  #free: number;

  /** An inline run has no space behind its inputs: its memory ends there. */
  constructor(memory: ArrayBufferLike, firstFree: number) {
    this.memory = memory;
    this.#free = firstFree;
  }

  reserve(byteLength: number): Uint8Array | undefined {
    const start = Math.ceil(this.#free / ALIGNMENT) * ALIGNMENT;
    if (start + byteLength > this.memory.byteLength) return undefined;
    this.#free = start + byteLength;
    return new Uint8Array(this.memory, start, byteLength);
  }

  /** Where in the room an output lies, copied there if need be; undefined where it does not fit. */
  place(data: Uint8Array): number | undefined {
    if (data.buffer === this.memory) return data.byteOffset;
    const room = this.reserve(data.byteLength);
    room?.set(data);
    return room?.byteOffset;
  }
}

function stateOutputs(names: readonly string[], tensors: readonly Tensor[]): Tensor[] {
  const found = names.map((name) => tensors.find((tensor) => tensor.name === name));
  return found.map((tensor) => {
    if (tensor === undefined) throw new BackendError("internal", wrongOutputs(names, tensors));
    return tensor;
  });
}

function wrongOutputs(asked: readonly string[], got: readonly Tensor[]): string {
  const names = got.map((tensor) => tensor.name).join(", ");
  return `asked for outputs ${asked.join(", ")}, got ${names === "" ? "none" : names}`;
}

/** What anything thrown means to the gateway. */
export function describeFailure(thrown: unknown): { fault: BackendFault; message: string } {
  if (thrown instanceof BackendError) return { fault: thrown.fault, message: thrown.message };
  return { fault: "internal", message: thrown instanceof Error ? thrown.message : String(thrown) };
}
