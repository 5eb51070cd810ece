/**
 * Clients that do not read their answers: what waits for them is this process's memory. Looked at
 * from time to time instead of counted with every answer.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";
import { connectionEvent } from "./secure.ts";

const LOOK_MS = 1_000;
/** A client that takes nothing for so many looks in a row is cut off, as over gRPC. */
const PATIENCE_LOOKS = 30;

interface Reader {
  /** As seen last. */
  waitingBytes: number;
  queuedBytes: number;
  stalledLooks: number;
}

/** What libuv holds of the answer that is being sent: the only part that shrinks while a long one is read. */
interface WithQueue {
  readonly _handle?: { readonly writeQueueSize?: number } | null;
}

export class UnreadAnswers {
  readonly #readers = new Map<Socket, Reader>();
  readonly #limitBytes: number;

  /** @param limitBytes of all answers together; beyond, those who read nothing at all are cut off at once */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  attach(server: Server): void {
    server.on(connectionEvent(server), (socket: Socket) => {
      this.#readers.set(socket, { waitingBytes: 0, queuedBytes: 0, stalledLooks: 0 });
      socket.once("close", () => this.#readers.delete(socket));
    });
    server.once("listening", () => {
      const watch = setInterval(() => this.look(), LOOK_MS).unref();
      server.once("close", () => clearInterval(watch));
    });
  }

  look(): void {
    const stalled: { socket: Socket; looks: number; bytes: number }[] = [];
    let waitingBytes = 0;
    for (const [socket, reader] of this.#readers) {
      const { writableLength } = socket;
      const queuedBytes = (socket as WithQueue)._handle?.writeQueueSize ?? 0;
      const moved =
        writableLength === 0 ||
        writableLength !== reader.waitingBytes ||
        queuedBytes !== reader.queuedBytes;
      reader.waitingBytes = writableLength;
      reader.queuedBytes = queuedBytes;
      reader.stalledLooks = moved ? 0 : reader.stalledLooks + 1;
      waitingBytes += writableLength;
      if (!moved) stalled.push({ socket, looks: reader.stalledLooks, bytes: writableLength });
    }
    stalled.sort((a, b) => b.looks - a.looks || b.bytes - a.bytes);
    for (const { socket, looks, bytes } of stalled) {
      if (looks < PATIENCE_LOOKS && waitingBytes <= this.#limitBytes) return;
      waitingBytes -= bytes;
      socket.destroy();
    }
  }
}
