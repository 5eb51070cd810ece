/** Decides, from occasional looks at one call, whether its client is too slow to be waited for. */
import type { Patience } from "./options.ts";

/** A message on its way in. */
export interface Incoming {
  /** Which message of the call it is. */
  readonly number: number;
  readonly receivedBytes: number;
  readonly lengthBytes: number;
  /** Others need the room that the message holds. */
  readonly scarce: boolean;
  /** How often this client was too slow before: who was is not put up with as long. */
  readonly offences: number;
}

export class SlowClientWatch {
  /** Beginning of the stretch looked at, `Clock.now` ms; 0: none. */
  since = 0;
  #bytes = 0;
  #message = 0;

  /** Nothing is under way. */
  forget(): void {
    this.since = 0;
  }

  /** @param takenBytes of the answer, only ever growing. @returns true: it is not being read. */
  stalledReader(now: number, takenBytes: number, patience: Patience): boolean {
    if (this.since === 0 || takenBytes !== this.#bytes) this.#begin(now, takenBytes);
    return now - this.since >= patience.stalledReaderMs;
  }

  /** Between messages. @param messages received so far. @returns what is wrong, if anything */
  silentSender(now: number, messages: number, patience: Patience): string | undefined {
    // No message of `slowSender` has such a number.
    const number = -1 - messages;
    if (this.since === 0 || number !== this.#message) {
      this.#message = number;
      this.#begin(now, 0);
    }
    const elapsedMs = now - this.since;
    if (elapsedMs < patience.silentSenderMs) return undefined;
    return `The client neither sends its message nor ends its call: nothing came for ${Math.round(elapsedMs)} ms`;
  }

  /** @returns what is wrong with how the message comes in, if anything. */
  slowSender(now: number, incoming: Incoming, patience: Patience): string | undefined {
    const { number, receivedBytes, lengthBytes, scarce, offences } = incoming;
    if (this.since === 0 || number !== this.#message) {
      this.#message = number;
      this.#begin(now, receivedBytes);
      return undefined;
    }
    const elapsedMs = now - this.since;
    const bytes = receivedBytes - this.#bytes;
    // Half the time is enough to be sure of one that sends nothing at all.
    const patienceMs = bytes === 0 ? patience.slowSenderMs / 2 : patience.slowSenderMs;
    if (elapsedMs < patienceMs / 2 ** offences) return undefined;
    const slow = bytes * 1000 < patience.minimumBytesPerSecond * elapsedMs;
    const silent = bytes === 0 && elapsedMs >= patience.silentSenderMs;
    if (slow && (scarce || silent)) {
      return `The message comes in too slowly: ${bytes} bytes in ${Math.round(elapsedMs)} ms, ${receivedBytes} of ${lengthBytes} in all`;
    }
    if (bytes > 0) this.#begin(now, receivedBytes);
    return undefined;
  }

  #begin(now: number, bytes: number): void {
    this.since = now;
    this.#bytes = bytes;
  }
}
