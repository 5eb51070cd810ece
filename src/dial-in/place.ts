/**
 * A place for a server that dials in: a socket of this machine behind which it stands, whoever
 * it is at the moment. The backend `remote` calls it like any other server; each of its
 * connections is one that the far server has dialled for it.
 */
import { createServer, type Server, type Socket } from "node:net";
import { newNonce, splice } from "./words.ts";

/** A far server that does not dial for a link within this time has not got the question. */
const LINK_MS = 5_000;

/** Who stands on a place. */
export interface Joined {
  /** As it calls itself, e.g. a batch job's id. */
  readonly name: string;
  /** Monotonic ms at which its batch job ends; Infinity: never. */
  readonly endsAt: number;
  /** Asks it to dial for the connection with this key. */
  dial(key: string): void;
}

export class Place {
  readonly name: string;
  /** Of the unix socket. */
  readonly path: string;
  readonly #server: Server;
  readonly #links = new Set<Socket>();
  /** Callers that wait for the far server to dial, by key. */
  readonly #waiting = new Map<string, Socket>();
  #joined: Joined | undefined;
  #leaving = false;

  constructor(name: string, path: string) {
    this.name = name;
    this.path = path;
    this.#server = createServer((caller) => this.#called(caller));
  }

  get joined(): Joined | undefined {
    return this.#joined;
  }

  /** It has said that it will end, and takes no new connections. */
  get leaving(): boolean {
    return this.#leaving;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(this.path, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  join(joined: Joined): void {
    this.#joined = joined;
    this.#leaving = false;
  }

  leave(): void {
    this.#leaving = true;
  }

  /** The far server is gone: so are its connections, and the place is free. */
  vacate(): void {
    this.#joined = undefined;
    for (const socket of [...this.#links, ...this.#waiting.values()]) socket.destroy();
  }

  /** @returns the caller that waits for `key`; undefined: it has given up */
  take(key: string): Socket | undefined {
    const caller = this.#waiting.get(key);
    this.#waiting.delete(key);
    return caller;
  }

  connect(caller: Socket, far: Socket): void {
    this.#links.add(far);
    far.once("close", () => this.#links.delete(far));
    splice(caller, far);
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.vacate();
    await closed;
  }

  #called(caller: Socket): void {
    caller.on("error", () => caller.destroy());
    if (this.#joined === undefined || this.#leaving) {
      caller.destroy();
      return;
    }
    const key = newNonce();
    this.#waiting.set(key, caller);
    const late = setTimeout(() => {
      if (this.#waiting.delete(key)) caller.destroy();
    }, LINK_MS);
    caller.once("close", () => {
      clearTimeout(late);
      this.#waiting.delete(key);
    });
    this.#joined.dial(key);
  }
}
