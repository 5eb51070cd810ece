/** One registered region: a stretch of a file in /dev/shm, used by requests until they end. */
import { StatusError } from "../errors.ts";
import type {
  ClientConnection,
  SharedBytes,
  SharedRange,
  SharedRegion,
} from "../inference/shared-regions.ts";
import type { ShmFile } from "./shm-file.ts";

export class Region {
  readonly facts: SharedRegion;
  readonly graceMs: number;
  /** Whose it is. */
  connection: ClientConnection;
  /** To be taken away once nobody uses it. */
  leaving = false;
  /** Uses by requests in flight. */
  uses = 0;
  /** Stops the grace period that runs since its connection is gone. */
  stopGrace: (() => void) | undefined;
  readonly #file: ShmFile;

  constructor(facts: SharedRegion, file: ShmFile, connection: ClientConnection, graceMs: number) {
    this.facts = facts;
    this.#file = file;
    this.connection = connection;
    this.graceMs = graceMs;
  }

  /** @throws StatusError where the file has become shorter. */
  read(target: Uint8Array, offset: number): void {
    if (!this.#file.read(target, this.facts.offset + offset)) throw this.#cutOff();
  }

  write(source: Uint8Array, offset: number): void {
    if (!this.#file.write(source, this.facts.offset + offset)) throw this.#cutOff();
  }

  close(): void {
    this.stopGrace?.();
    this.#file.close();
  }

  #cutOff(): StatusError {
    const { name, key, offset, byteLength } = this.facts;
    return new StatusError(
      "INVALID_ARGUMENT",
      `shared memory region '${name}': its key '${key}' no longer has the ${offset + byteLength} bytes it had when it was registered`,
    );
  }
}

/** A stretch of a region as a request uses it. */
export class RegionBytes implements SharedBytes {
  readonly range: SharedRange;
  readonly #region: Region;
  readonly #uses: RegionUses;

  constructor(range: SharedRange, region: Region, uses: RegionUses) {
    this.range = range;
    this.#region = region;
    this.#uses = uses;
  }

  copyTo(target: Uint8Array, offset: number): void {
    const { byteLength } = this.range;
    this.#region.read(target.subarray(offset, offset + byteLength), this.range.offset);
  }

  write(bytes: Uint8Array): void {
    this.#region.write(bytes, this.range.offset);
  }

  hold(user: ClientConnection | undefined): void {
    this.#uses.begin(this.#region, user);
  }

  release(): void {
    this.#uses.end(this.#region);
  }
}

export interface RegionUses {
  begin(region: Region, user: ClientConnection | undefined): void;
  end(region: Region): void;
}
