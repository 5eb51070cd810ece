/** A kernel on a board as a model instance. */
import {
  BackendError,
  type Device,
  type Execution,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
} from "../../contract.ts";
import type { OpenClBoard } from "./board.ts";
import { type BatchTensor, CallSlot } from "./call-slot.ts";
import { ComputeUnit } from "./compute-unit.ts";
import { type CallLimits, planCalls } from "./plan-calls.ts";
import { checkVariant } from "./variant-check.ts";
import { type KernelWiring, type UnitNaming, type WiredTensor, wireKernel } from "./wiring.ts";

/** Largest buffer; a batch that needs more becomes several calls. */
const MOST_BUFFER_BYTES = 64 * 1024 * 1024;

export interface InstancePlace {
  readonly device: Device;
  /** With the variant's image on it. */
  readonly board: OpenClBoard;
  /** How the image names its compute units. */
  readonly naming: UnitNaming;
  /** Gives the board back. Called once, after everything of the instance is freed. */
  readonly release: () => void;
}

export class OpenClInstance implements ModelInstance {
  readonly device: Device;
  readonly #place: InstancePlace;
  readonly #wiring: KernelWiring;
  readonly #batched: boolean;
  readonly #limits: CallLimits;
  readonly #units: ComputeUnit[] = [];
  /** By unit, then by set of buffers. */
  readonly #slots: CallSlot[][] = [];

  /**
   * Allocates buffers for `maxBatchSize` rows, or for the fixed rows of a call.
   * @throws BackendError `artifact` where variant, manifest and kernel disagree; `exhausted` where memory is short. The place is not released then.
   */
  constructor(variant: ModelVariant, place: InstancePlace) {
    const { manifest } = variant.artifact;
    this.#wiring = wireKernel(manifest, place.naming);
    if (manifest !== undefined) checkVariant(variant, manifest);
    this.device = place.device;
    this.#place = place;
    this.#batched = variant.maxBatchSize > 0;
    this.#limits = limitsOf(this.#wiring, Math.max(1, variant.maxBatchSize));
    try {
      this.#allocate();
    } catch (cause) {
      this.#free();
      throw cause;
    }
  }

  async execute(execution: Execution): Promise<readonly Tensor[]> {
    const rows = execution.members.reduce((sum, member) => sum + member.rows, 0);
    const inputs = this.#wiring.inputs.map((wired, at) => this.#input(wired, at, rows, execution));
    const outputs = execution.outputs.map((name) => this.#output(name, rows, execution));
    this.#run(rows, inputs, outputs);
    return outputs.map(({ at, data }) => {
      const { tensor } = this.#wiring.outputs[at] as WiredTensor;
      return {
        name: tensor.name,
        datatype: tensor.datatype,
        shape: this.#batched ? [rows, ...tensor.shape] : tensor.shape,
        data,
      };
    });
  }

  async unload(): Promise<void> {
    this.#free();
    this.#place.release();
  }

  #run(rows: number, inputs: readonly BatchTensor[], outputs: readonly BatchTensor[]): void {
    const used: CallSlot[] = [];
    try {
      for (const call of planCalls(rows, this.#limits)) {
        const slot = this.#slots[call.unit]?.[call.buffers] as CallSlot;
        if (slot.busy) slot.finish();
        else used.push(slot);
        slot.start(call, inputs, outputs);
      }
      for (const slot of used) slot.finish();
    } catch (cause) {
      // Tensors of the batch may be gone as soon as this returns.
      for (const slot of this.#slots.flat()) slot.drain();
      throw cause;
    }
  }

  #input({ tensor, layout }: WiredTensor, at: number, rows: number, of: Execution): BatchTensor {
    const found = of.inputs.find(({ name }) => name === tensor.name);
    if (found === undefined) throw misfit(`input "${tensor.name}" is missing`);
    const shape = this.#batched ? [rows, ...tensor.shape] : tensor.shape;
    const same =
      found.datatype === tensor.datatype &&
      found.shape.length === shape.length &&
      found.shape.every((length, axis) => length === shape[axis]) &&
      found.data.byteLength === rows * layout.clientRowBytes;
    if (same) return { at, data: found.data };
    throw misfit(
      `input "${tensor.name}": expected ${tensor.datatype} [${shape.join(", ")}] of ${rows * layout.clientRowBytes} bytes, ` +
        `got ${found.datatype} [${found.shape.join(", ")}] of ${found.data.byteLength}`,
    );
  }

  #output(name: string, rows: number, { reserve }: Execution): BatchTensor {
    const at = this.#wiring.outputs.findIndex(({ tensor }) => tensor.name === name);
    const wired = this.#wiring.outputs[at];
    if (wired === undefined) throw new BackendError("internal", `no output "${name}"`);
    const byteLength = rows * wired.layout.clientRowBytes;
    return { at, data: reserve(byteLength) ?? new Uint8Array(byteLength) };
  }

  #allocate(): void {
    const { kernel, inputs, rowsArgument, unitNames, buffersPerUnit } = this.#wiring;
    const { board } = this.#place;
    const { mostRows, fixedRows } = this.#limits;
    const rowBytes = Math.max(0, ...inputs.map(({ layout }) => layout.rowBytes));
    const zeros = new Uint8Array(fixedRows ? mostRows * rowBytes : 0);
    for (const [unitIndex, name] of unitNames.entries()) {
      const unit = new ComputeUnit(board, name, {
        arguments: kernel.arguments.length,
        ...(rowsArgument === undefined ? {} : { rowsArgument }),
      });
      this.#units.push(unit);
      const slots: CallSlot[] = [];
      this.#slots.push(slots);
      const shape = {
        ...{ wiring: this.#wiring, mostRows, unitIndex },
        ...(fixedRows ? { paddedTo: mostRows } : {}),
      };
      for (let i = 0; i < buffersPerUnit; i++) slots.push(new CallSlot(board, unit, shape, zeros));
    }
  }

  #free(): void {
    for (const slot of this.#slots.splice(0).flat()) slot.release();
    for (const unit of this.#units.splice(0)) unit.release();
  }
}

function limitsOf(
  { kernel, inputs, outputs, buffersPerUnit, unitNames }: KernelWiring,
  rows: number,
) {
  const widest = Math.max(...[...inputs, ...outputs].map(({ layout }) => layout.rowBytes));
  const fitting = Math.max(1, Math.floor(MOST_BUFFER_BYTES / widest));
  return {
    units: unitNames.length,
    buffersPerUnit,
    mostRows: kernel.rowsPerCall ?? Math.min(rows, fitting),
    fixedRows: kernel.rowsPerCall !== undefined,
  };
}

function misfit(reason: string): BackendError {
  return new BackendError("input", reason);
}
