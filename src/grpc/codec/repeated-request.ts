/**
 * Requests that differ from the one before them in their id and their data only,
 * as most requests of a stream do: recognised by comparing bytes, not decoded.
 *
 *     │ model, version │ id │ parameters, inputs, outputs │ raw │ raw │ ...
 *     └───── head ─────┘    └─────────── rest ────────────┘
 */
import type { WireRequest } from "../../inference/request.ts";
import { WireReader, WireType } from "./wire.ts";

const ID = 0x1a;
const RAW = 0x3a;
const FIELD = { VERSION: 2, ID: 3, RAW: 7 } as const;
/** Longer ids are read the long way. */
const LONGEST_ID_BYTES = 0x7f;

export class RepeatedRequest {
  /** What was decoded; its id and data are those of the first one. */
  readonly wire: WireRequest;
  /** Bytes of each raw tensor, in order. */
  readonly rawBytes: readonly number[];
  /** Of the request that matched last: its id, and where each raw tensor begins. */
  id = "";
  readonly rawStart: number[];
  readonly #head: Buffer;
  readonly #rest: Buffer;

  /**
   * @param message as it was decoded, in one piece
   * @returns undefined where its fields are not in the order of their numbers, or
   * its tensors are not all raw
   */
  static of(message: Buffer, wire: WireRequest): RepeatedRequest | undefined {
    const reader = new WireReader(message);
    let headEnd = 0;
    let restStart = 0;
    let restEnd = message.length;
    let last = 0;
    const rawBytes: number[] = [];
    while (reader.position < reader.end) {
      const begin = reader.position;
      const tag = reader.tag();
      const field = tag >>> 3;
      if ((tag & 7) !== WireType.BYTES || field < last || field > FIELD.RAW) return undefined;
      if (field === FIELD.ID && last === FIELD.ID) return undefined;
      last = field;
      const length = reader.length();
      reader.advance(length);
      if (field <= FIELD.VERSION) headEnd = reader.position;
      if (field <= FIELD.ID) restStart = reader.position;
      if (field !== FIELD.RAW) continue;
      if (rawBytes.length === 0) restEnd = begin;
      rawBytes.push(length);
    }
    if (rawBytes.length === 0 || rawBytes.length !== wire.inputs.length) return undefined;
    const head = Buffer.from(message.subarray(0, headEnd));
    return new RepeatedRequest(
      wire,
      head,
      Buffer.from(message.subarray(restStart, restEnd)),
      rawBytes,
    );
  }

  private constructor(wire: WireRequest, head: Buffer, rest: Buffer, rawBytes: readonly number[]) {
    this.wire = wire;
    this.rawBytes = rawBytes;
    this.rawStart = rawBytes.map(() => 0);
    this.#head = head;
    this.#rest = rest;
  }

  /** Whether `bytes` from `start` to `end` are such a request; then `id` and `rawStart` are its. */
  matches(bytes: Buffer, start: number, end: number): boolean {
    const head = this.#head;
    const rest = this.#rest;
    let at = start + head.length;
    if (at >= end || bytes.compare(head, 0, head.length, start, at) !== 0) return false;
    this.id = "";
    if (bytes[at] === ID) {
      const idBytes = bytes[at + 1] ?? 0;
      const idEnd = at + 2 + idBytes;
      if (idBytes > LONGEST_ID_BYTES || idEnd > end) return false;
      for (let i = at + 2; i < idEnd; i++) if ((bytes[i] ?? 0) >= 0x80) return false;
      this.id = bytes.toString("latin1", at + 2, idEnd);
      at = idEnd;
    }
    const restEnd = at + rest.length;
    if (restEnd > end || bytes.compare(rest, 0, rest.length, at, restEnd) !== 0) return false;
    return this.#findRaw(bytes, restEnd, end);
  }

  #findRaw(bytes: Buffer, from: number, end: number): boolean {
    let at = from;
    for (let k = 0; k < this.rawBytes.length; k++) {
      if (bytes[at++] !== RAW) return false;
      let left = this.rawBytes[k] ?? 0;
      for (; left >= 0x80; left >>>= 7) if (bytes[at++] !== ((left & 0x7f) | 0x80)) return false;
      if (bytes[at++] !== left) return false;
      this.rawStart[k] = at;
      at += this.rawBytes[k] ?? 0;
    }
    return at === end;
  }
}
