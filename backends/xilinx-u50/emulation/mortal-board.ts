/**
 * An emulated board that may end while XRT takes no notice. Every call on it ends with fault
 * `device` then, whatever XRT made of it, and the next call finds the board started anew.
 */
import { readFileSync, rmSync } from "node:fs";
import { BackendError, type Device, type Execution, type ModelInstance } from "../../contract.ts";

export class MortalBoard {
  readonly #device: Device;
  /** Written by the board when it ends. */
  readonly #failureFile: string;
  readonly #instances = new Set<MortalInstance>();

  constructor(device: Device, failureFile: string) {
    this.#device = device;
    this.#failureFile = failureFile;
  }

  /**
   * @param place puts the instance on the board; called again whenever the board was started anew.
   * @throws BackendError `device` where the board ends meanwhile; what `place` throws.
   */
  async load(place: () => ModelInstance): Promise<ModelInstance> {
    await this.revive();
    const instance = new MortalInstance(this, this.#device, place);
    this.alive(() => instance.place());
    this.#instances.add(instance);
    return instance;
  }

  /** Takes everything off a board that has ended, so that XRT starts it again for the next image. */
  async revive(): Promise<void> {
    if (this.#lastWords() === undefined) return;
    for (const instance of this.#instances) await instance.leave();
    rmSync(this.#failureFile, { force: true });
  }

  forget(instance: MortalInstance): void {
    this.#instances.delete(instance);
  }

  /** @throws BackendError `device` with the board's last words, where it ended during `work`. */
  alive<T>(work: () => T): T {
    try {
      return work();
    } finally {
      this.check();
    }
  }

  check(): void {
    const reason = this.#lastWords();
    if (reason === undefined) return;
    throw new BackendError("device", `device ${this.#device.id}: ${reason}`);
  }

  #lastWords(): string | undefined {
    try {
      return readFileSync(this.#failureFile, "utf8");
    } catch {
      return undefined;
    }
  }
}

class MortalInstance implements ModelInstance {
  readonly device: Device;
  readonly #board: MortalBoard;
  readonly #place: () => ModelInstance;
  #placed: ModelInstance | undefined;

  constructor(board: MortalBoard, device: Device, place: () => ModelInstance) {
    this.#board = board;
    this.device = device;
    this.#place = place;
  }

  place(): ModelInstance {
    this.#placed ??= this.#place();
    return this.#placed;
  }

  async leave(): Promise<void> {
    const placed = this.#placed;
    this.#placed = undefined;
    await placed?.unload();
  }

  async execute(execution: Execution, signal: AbortSignal) {
    await this.#board.revive();
    try {
      return await this.place().execute(execution, signal);
    } finally {
      this.#board.check();
    }
  }

  async unload(): Promise<void> {
    this.#board.forget(this);
    await this.leave();
  }
}
