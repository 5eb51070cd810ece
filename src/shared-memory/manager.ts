/**
 * The regions that clients registered. Names hold for all clients, as in Triton;
 * but a region is leased to the connection it was registered over. It is taken
 * away when that connection is gone for its grace period, unless another one uses
 * it meanwhile and so becomes its owner: clients reconnect.
 *
 *   register → leased ──connection gone──→ grace ──nobody came──→ leaving → closed
 *                │  ▲                        │                       ▲
 *                │  └──── used by another ───┘     (last use ended) ─┘
 *                └──────────── unregister ───────────────────────────┘
 */
import type { Clock } from "../clock.ts";
import { StatusError } from "../errors.ts";
import type {
  ClientConnection,
  RegionLookup,
  SharedBytes,
  SharedMemoryControl,
  SharedRange,
  SharedRegion,
} from "../inference/shared-regions.ts";
import { Region, RegionBytes, type RegionUses } from "./region.ts";
import { ShmFile } from "./shm-file.ts";

/** Triton's own files: its stubs of Python models talk through them. */
const TRITON_PREFIX = "triton_python_backend_shm_region_";
/** Each holds an open file. */
const MAX_REGIONS = 1024;
/** As for tensors that come by value: the largest gRPC message. */
const MAX_TENSOR_BYTES = 2 ** 31 - 1;

export interface SharedMemoryOptions {
  readonly folder: string;
  /** What the names of this server's own files begin with: no client gets at them. */
  readonly ownPrefix: string;
  readonly clock: Clock;
}

export class SharedMemory implements RegionLookup, SharedMemoryControl, RegionUses {
  readonly #regions = new Map<string, Region>();
  /** Connections that are listened to already. */
  readonly #watched = new WeakSet<ClientConnection>();
  readonly #options: SharedMemoryOptions;

  constructor(options: SharedMemoryOptions) {
    this.#options = options;
  }

  register(facts: SharedRegion, connection: ClientConnection, graceMs: number): void {
    const { name, key } = facts;
    if (key.startsWith(TRITON_PREFIX)) {
      throw new StatusError(
        "INVALID_ARGUMENT",
        `cannot register shared memory region '${name}' with key '${key}' as the key contains the reserved prefix '${TRITON_PREFIX}'`,
      );
    }
    this.#dropOrphan(name);
    if (this.#regions.has(name)) {
      const text = `shared memory region '${name}' already in manager`;
      throw new StatusError("ALREADY_EXISTS", text);
    }
    if (this.#regions.size >= MAX_REGIONS) {
      throw new StatusError(
        "RESOURCE_EXHAUSTED",
        `cannot register shared memory region '${name}': there are ${MAX_REGIONS} already; unregister those that are not used`,
      );
    }
    const file = this.#open(facts);
    this.#regions.set(name, new Region(facts, file, connection, graceMs));
    this.#watch(connection);
  }

  unregister(name: string, connection: ClientConnection): void {
    for (const region of name === "" ? [...this.#regions.values()] : [this.#regions.get(name)]) {
      if (region === undefined) continue;
      const mine = region.connection === connection;
      const orphan = name !== "" && region.connection.gone;
      if (mine || orphan) this.#takeAway(region);
    }
  }

  status(name: string): readonly SharedRegion[] {
    if (name === "") return [...this.#regions.values()].map(({ facts }) => facts);
    const region = this.#regions.get(name);
    if (region !== undefined) return [region.facts];
    throw new StatusError("NOT_FOUND", `Unable to find system shared memory region: '${name}'`);
  }

  find(range: SharedRange): SharedBytes {
    const region = this.#regions.get(range.region);
    if (region === undefined) {
      const text = `Unable to find shared memory region: '${range.region}'`;
      throw new StatusError("NOT_FOUND", text);
    }
    const { byteLength } = region.facts;
    const where = `for shared memory region: '${range.region}'`;
    if (range.offset > Math.max(0, byteLength - 1)) {
      throw new StatusError("INVALID_ARGUMENT", `Invalid offset ${where}`);
    }
    if (range.offset + range.byteLength > byteLength) {
      throw new StatusError("INVALID_ARGUMENT", `Invalid offset + byte size ${where}`);
    }
    // A file without content costs its client nothing, whatever its length.
    if (range.byteLength > MAX_TENSOR_BYTES) {
      const text = `byte size ${range.byteLength} ${where}: expected at most ${MAX_TENSOR_BYTES} for one tensor`;
      throw new StatusError("INVALID_ARGUMENT", text);
    }
    return new RegionBytes(range, region, this);
  }

  begin(region: Region, user: ClientConnection | undefined): void {
    region.uses += 1;
    if (user === undefined || user.gone || !region.connection.gone) return;
    region.stopGrace?.();
    region.stopGrace = undefined;
    region.connection = user;
    this.#watch(user);
  }

  end(region: Region): void {
    region.uses -= 1;
    if (region.leaving && region.uses === 0) this.#close(region);
  }

  /** For a server that ends. */
  close(): void {
    for (const region of [...this.#regions.values()]) this.#close(region);
  }

  #open({ name, key, offset, byteLength }: SharedRegion): ShmFile {
    const own = key.replace(/^\/+/, "").startsWith(this.#options.ownPrefix);
    const file = own ? undefined : ShmFile.open(this.#options.folder, key);
    if (file === undefined) {
      throw new StatusError("INTERNAL", `Unable to open shared memory region: '${key}'`);
    }
    // A region of no bytes cannot be mapped, so Triton does not take it either.
    if (byteLength > 0 && offset + byteLength <= file.sizeBytes) return file;
    file.close();
    const text = `failed to register shared memory region '${name}': invalid args`;
    throw new StatusError("INVALID_ARGUMENT", text);
  }

  #watch(connection: ClientConnection): void {
    if (this.#watched.has(connection)) return;
    this.#watched.add(connection);
    connection.whenGone(() => {
      for (const region of this.#regions.values()) {
        if (region.connection !== connection) continue;
        region.stopGrace = this.#options.clock.after(region.graceMs, () => this.#takeAway(region));
      }
    });
  }

  /** A client that comes back with the same names finds them free. */
  #dropOrphan(name: string): void {
    const region = this.#regions.get(name);
    if (region?.connection.gone) this.#takeAway(region);
  }

  #takeAway(region: Region): void {
    region.leaving = true;
    if (region.uses === 0) this.#close(region);
  }

  #close(region: Region): void {
    this.#regions.delete(region.facts.name);
    region.close();
  }
}
