/**
 * Work on a folder that several gateways reach and that is enough done by one of them. Who that is says a lease of
 * Redis; the folder itself refuses a holder whose lease went on to another one meanwhile.
 *
 * The work may be done twice without harm (a sweep removes what nobody names; a registration is known by its digest):
 * so while Redis is away every gateway does it, as it does without Redis.
 */
import type { Logger } from "../logger.ts";
import { Lease } from "../shared-state/lease.ts";
import type { Link } from "../shared-state/link.ts";
import { FolderFence } from "../store/files/folder-fence.ts";

export interface UpkeepParts {
  readonly link: Pick<Link, "script" | "key">;
  readonly owner: string;
  readonly ttlMs: number;
  /** Monotonic ms. */
  now(): number;
  readonly log: Logger;
}

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #fence: FolderFence;
  readonly #folder: string;
  #lease: Lease | undefined;
  /** Newest counter that the folder has seen. */
  #known = 0;
  #away = true;
  #held = false;

  constructor(folder: string, parts: UpkeepParts) {
    this.#parts = parts;
    this.#folder = folder;
    this.#fence = new FolderFence(folder);
  }

  /** Takes or keeps the lease; for a beat. Never rejects. */
  async renew(): Promise<void> {
    try {
      const lease = await this.#lazily();
      const held = await lease.take(this.#known);
      this.#away = false;
      if (held !== this.#held) {
        const who = held ? "this gateway" : "another gateway";
        this.#parts.log.info(`upkeep of '${this.#folder}' is done by ${who}`);
      }
      this.#held = held;
    } catch {
      this.#away = true;
    }
  }

  /** Whether this gateway is to do it now. Never rejects. */
  async mine(): Promise<boolean> {
    if (this.#away || this.#lease === undefined) return true;
    const { ticket } = this.#lease;
    if (ticket === undefined) return false;
    try {
      if (await this.#fence.pass(ticket)) return true;
      // Redis lost its counter, or gave this one twice: the next one is larger.
      this.#known = await this.#fence.newest();
      return false;
    } catch {
      // A folder that cannot be written says so to whoever works on it.
      return true;
    }
  }

  /** Never rejects. */
  async release(): Promise<void> {
    await this.#lease?.release();
  }

  async #lazily(): Promise<Lease> {
    if (this.#lease === undefined) {
      const name = `upkeep:${await this.#fence.identity()}`;
      this.#known = await this.#fence.newest();
      this.#lease = new Lease({ ...this.#parts, name });
    }
    return this.#lease;
  }
}
