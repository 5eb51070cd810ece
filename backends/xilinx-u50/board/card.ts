/** The card: answers the calls of XRT's software-emulation shim (2.13) as a U50 would. */

import { setTimeout as sleep } from "node:timers/promises";
import { API, acknowledge, bytesReply, type Reply, taken, wordReply } from "./calls.ts";
import { AP_START, type ComputeUnit } from "./compute-unit.ts";
import { DeviceMemory } from "./device-memory.ts";
import type { Faults } from "./faults.ts";
import { program } from "./image.ts";
import { bytesField, type Fields, numberField, readFields, textField } from "./protobuf.ts";
import { Registers } from "./registers.ts";

export interface CardOptions {
  readonly faults: () => Faults;
  readonly secondsPerLoad: number;
  readonly die: (how: "exit" | "kill") => void;
  readonly log: (message: string) => void;
}

export class Card {
  readonly #options: CardOptions;
  readonly #memory = new DeviceMemory();
  readonly #registers = new Registers();
  #units: ReadonlyMap<number, ComputeUnit> = new Map();

  constructor(options: CardOptions) {
    this.#options = options;
  }

  /** @throws Error for an access that ends the card, or a call that it does not know. */
  async answer(api: number, message: Uint8Array): Promise<Reply> {
    const call = readFields(message);
    switch (api) {
      case API.loadBitstream:
        return acknowledge(await this.#load(call));
      case API.allocate:
        this.#memory.allocate(numberField(call, 1), numberField(call, 2));
        return acknowledge(true);
      case API.free:
        this.#memory.free(numberField(call, 1));
        return acknowledge(true);
      case API.writeMemory:
        return this.#writeMemory(call);
      case API.readMemory:
        return this.#readMemory(call);
      case API.writeControl:
        this.#write(numberField(call, 2), bytesField(call, 4));
        return acknowledge(true);
      case API.readControl:
        return wordReply(this.#read(numberField(call, 2)));
      case API.writeRegister:
        this.#write(numberField(call, 1) + numberField(call, 2), bytesField(call, 3));
        return acknowledge(true);
      case API.readRegister:
        return wordReply(this.#read(numberField(call, 1) + numberField(call, 2)));
      case API.close:
      case API.resetProgram:
      case API.setupInstance:
        return acknowledge(true);
      default:
        throw new Error(`unknown call ${api}`);
    }
  }

  async #load(call: Fields): Promise<boolean> {
    const { faults, secondsPerLoad, log } = this.#options;
    await sleep(1000 * secondsPerLoad);
    if (faults().refuseImage) {
      log("refuses the image, as told");
      return false;
    }
    try {
      this.#units = program(textField(call, 2), textField(call, 1), this.#memory, this.#registers);
      return true;
    } catch (cause) {
      log(`refuses the image: ${(cause as Error).message}`);
      return false;
    }
  }

  #writeMemory(call: Fields): Reply {
    const bytes = bytesField(call, 4);
    this.#memory.at(numberField(call, 3), bytes.byteLength).set(bytes);
    return taken(bytes.byteLength);
  }

  #readMemory(call: Fields): Reply {
    const asked = numberField(call, 5);
    const size = this.#options.faults().wrongLength ? Math.floor(asked / 2) : asked;
    return bytesReply(this.#memory.at(numberField(call, 4), size));
  }

  #write(address: number, data: Uint8Array): void {
    this.#registers.write(address, data);
    const unit = this.#units.get(address);
    if (unit !== undefined && (this.#registers.word(address) & AP_START) !== 0) this.#start(unit);
  }

  #start(unit: ComputeUnit): void {
    const { slow, neverDone, wrongData, die } = this.#options.faults();
    if (die !== undefined) this.#options.die(die);
    const outputs = unit.start((tookMs) => {
      if (neverDone) return Number.POSITIVE_INFINITY;
      return (slow?.ms ?? 0) + tookMs * ((slow?.factor ?? 1) - 1);
    });
    if (wrongData) for (const bytes of outputs) flip(bytes);
  }

  #read(address: number): number {
    return this.#units.get(address)?.control ?? this.#registers.word(address);
  }
}

/** A bit in every 16 bytes. */
function flip(bytes: Uint8Array): void {
  for (let i = 0; i < bytes.byteLength; i += 16) bytes[i] = (bytes[i] ?? 0) ^ 1;
}
