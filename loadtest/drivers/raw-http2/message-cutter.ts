/** gRPC's length-prefixed messages, cut out of DATA as it comes. */

const PREFIX_BYTES = 5;

export class MessageCutter {
  readonly #message: (bytes: Buffer, start: number, end: number) => void;
  #kept: Buffer | undefined;

  /** @param message is given each message, without its prefix; valid during the call only */
  constructor(message: (bytes: Buffer, start: number, end: number) => void) {
    this.#message = message;
  }

  push(bytes: Buffer, start: number, end: number): void {
    let read = bytes;
    let at = start;
    let to = end;
    if (this.#kept !== undefined) {
      read = Buffer.concat([this.#kept, bytes.subarray(start, end)]);
      at = 0;
      to = read.length;
      this.#kept = undefined;
    }
    while (to - at >= PREFIX_BYTES) {
      const next = at + PREFIX_BYTES + read.readUInt32BE(at + 1);
      if (next > to) break;
      this.#message(read, at + PREFIX_BYTES, next);
      at = next;
    }
    if (at < to) this.#kept = Buffer.from(read.subarray(at, to));
  }
}
