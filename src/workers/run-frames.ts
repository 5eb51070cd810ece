/**
 * Runs, their results and responses on the wire: a few numbers each, in a fixed binary
 * layout, because one of either passes per batch. Tensors lie in the room that
 * the run names, or travel as the frame's payload.
 *
 * run:    u32 run, u32 instance, u32 room, u16 inputs, u16 outputs, f64 room bytes,
 *         f64 output offset, u32 members, per member u32 rows, per output u16 index,
 *         per input u16 index, f64 offset, f64 bytes, shape,
 *         u8 streamed, u32 bytes of notes, notes (rare, so plain JSON: one per member)
 * response (of a streamed run, before its result; all data is payload):
 *         u32 run, u32 member, f64 x 2 timing, u16 outputs, per output u16 index, f64 bytes, shape
 * result: u32 run, f64 x 3 timing, u16 outputs,
 *         per output u16 index, u8 inline, f64 offset, f64 bytes, shape
 * shape:  u8 rank, per axis f64
 */

import { HEADER_BYTES, newFrame } from "./frames.ts";
import type { MemberNote, PlacedInput, RunTiming } from "./types.ts";
import { FrameType } from "./words.ts";

/** In place of a room's id: the inputs are the frame's payload. */
export const INLINE = 0xffffffff;
const MAX_RANK = 255;

export interface RunMessage {
  readonly run: number;
  readonly instance: number;
  readonly room: number;
  /** Bytes of the room that are safe to touch. */
  readonly roomBytes: number;
  readonly outputOffset: number;
  readonly inputs: readonly PlacedInput[];
  readonly outputs: readonly number[];
  readonly memberRows: readonly number[];
  readonly notes?: readonly MemberNote[] | undefined;
  /** The model is decoupled: responses come one by one, before the result. */
  readonly streamed: boolean;
}

export interface PlacedOutput {
  readonly index: number;
  readonly shape: readonly number[];
  /** True: `offset` counts from the start of the frame's payload; false: of the room. */
  readonly inline: boolean;
  readonly offset: number;
  readonly byteLength: number;
}

export interface ResultMessage {
  readonly run: number;
  readonly timing: RunTiming;
  readonly outputs: readonly PlacedOutput[];
}

/** One response of a decoupled model; the outputs lie one behind the other in the frame's payload. */
export interface ResponseMessage {
  readonly run: number;
  /** Position in the batch. */
  readonly member: number;
  readonly inferUs: number;
  readonly outputUs: number;
  readonly outputs: readonly {
    readonly index: number;
    readonly shape: readonly number[];
    readonly byteLength: number;
  }[];
}

const RUN_FIXED_BYTES = 36;
const RESPONSE_FIXED_BYTES = 26;
const RESULT_FIXED_BYTES = 30;

/** `payloadBytes` of room content follow where `message.room` is INLINE. */
export function runFrame(message: RunMessage, payloadBytes: number): Buffer {
  const { inputs, outputs, memberRows } = message;
  let size = RUN_FIXED_BYTES + 4 * memberRows.length + 2 * outputs.length;
  for (const input of inputs) size += 18 + shapeBytes(input.shape);
  const notes = message.notes === undefined ? "" : JSON.stringify(message.notes);
  const notesBytes = Buffer.byteLength(notes);
  size += 5 + notesBytes;
  const frame = newFrame(FrameType.run, size, payloadBytes);
  let at = HEADER_BYTES;
  at = frame.writeUInt32LE(message.run, at);
  at = frame.writeUInt32LE(message.instance, at);
  at = frame.writeUInt32LE(message.room, at);
  at = frame.writeUInt16LE(inputs.length, at);
  at = frame.writeUInt16LE(outputs.length, at);
  at = frame.writeDoubleLE(message.roomBytes, at);
  at = frame.writeDoubleLE(message.outputOffset, at);
  at = frame.writeUInt32LE(memberRows.length, at);
  for (const rows of memberRows) at = frame.writeUInt32LE(rows, at);
  for (const index of outputs) at = frame.writeUInt16LE(index, at);
  for (const input of inputs) {
    at = frame.writeUInt16LE(input.index, at);
    at = frame.writeDoubleLE(input.offset, at);
    at = frame.writeDoubleLE(input.byteLength, at);
    at = writeShape(frame, at, input.shape);
  }
  at = frame.writeUInt8(message.streamed ? 1 : 0, at);
  at = frame.writeUInt32LE(notesBytes, at);
  frame.write(notes, at);
  return frame;
}

/** @throws RangeError where the bytes are not exactly one run. */
export function readRun(meta: Buffer): RunMessage {
  const read = new Reader(meta);
  const run = read.u32();
  const instance = read.u32();
  const room = read.u32();
  const inputCount = read.u16();
  const outputCount = read.u16();
  const roomBytes = read.f64();
  const outputOffset = read.f64();
  const memberRows = read.list(read.u32(), () => read.u32());
  const outputs = read.list(outputCount, () => read.u16());
  const inputs = read.list(inputCount, () => ({
    index: read.u16(),
    offset: read.f64(),
    byteLength: read.f64(),
    shape: read.shape(),
  }));
  const streamed = read.u8() === 1;
  const text = read.text(read.u32());
  read.end();
  const notes = text === "" ? undefined : (JSON.parse(text) as MemberNote[]);
  return {
    run,
    instance,
    room,
    roomBytes,
    outputOffset,
    inputs,
    outputs,
    memberRows,
    notes,
    streamed,
  };
}

/** `payloadBytes` of output data follow. */
export function resultFrame(message: ResultMessage, payloadBytes: number): Buffer {
  let size = RESULT_FIXED_BYTES;
  for (const output of message.outputs) size += 19 + shapeBytes(output.shape);
  const frame = newFrame(FrameType.result, size, payloadBytes);
  let at = HEADER_BYTES;
  at = frame.writeUInt32LE(message.run, at);
  at = frame.writeDoubleLE(message.timing.inputUs, at);
  at = frame.writeDoubleLE(message.timing.inferUs, at);
  at = frame.writeDoubleLE(message.timing.outputUs, at);
  at = frame.writeUInt16LE(message.outputs.length, at);
  for (const output of message.outputs) {
    at = frame.writeUInt16LE(output.index, at);
    at = frame.writeUInt8(output.inline ? 1 : 0, at);
    at = frame.writeDoubleLE(output.offset, at);
    at = frame.writeDoubleLE(output.byteLength, at);
    at = writeShape(frame, at, output.shape);
  }
  return frame;
}

/** @throws RangeError where the bytes are not exactly one result. */
export function readResult(meta: Buffer): ResultMessage {
  const read = new Reader(meta);
  const run = read.u32();
  const timing = { inputUs: read.f64(), inferUs: read.f64(), outputUs: read.f64() };
  const outputs = read.list(read.u16(), () => ({
    index: read.u16(),
    inline: read.u8() === 1,
    offset: read.f64(),
    byteLength: read.f64(),
    shape: read.shape(),
  }));
  read.end();
  return { run, timing, outputs };
}

/** `payloadBytes` of output data follow. */
export function responseFrame(message: ResponseMessage, payloadBytes: number): Buffer {
  let size = RESPONSE_FIXED_BYTES;
  for (const output of message.outputs) size += 10 + shapeBytes(output.shape);
  const frame = newFrame(FrameType.response, size, payloadBytes);
  let at = HEADER_BYTES;
  at = frame.writeUInt32LE(message.run, at);
  at = frame.writeUInt32LE(message.member, at);
  at = frame.writeDoubleLE(message.inferUs, at);
  at = frame.writeDoubleLE(message.outputUs, at);
  at = frame.writeUInt16LE(message.outputs.length, at);
  for (const output of message.outputs) {
    at = frame.writeUInt16LE(output.index, at);
    at = frame.writeDoubleLE(output.byteLength, at);
    at = writeShape(frame, at, output.shape);
  }
  return frame;
}

/** @throws RangeError where the bytes are not exactly one response. */
export function readResponse(meta: Buffer): ResponseMessage {
  const read = new Reader(meta);
  const run = read.u32();
  const member = read.u32();
  const inferUs = read.f64();
  const outputUs = read.f64();
  const outputs = read.list(read.u16(), () => ({
    index: read.u16(),
    byteLength: read.f64(),
    shape: read.shape(),
  }));
  read.end();
  return { run, member, inferUs, outputUs, outputs };
}

function shapeBytes(shape: readonly number[]): number {
  if (shape.length > MAX_RANK) throw new RangeError(`tensor of ${shape.length} axes`);
  return 1 + 8 * shape.length;
}

function writeShape(frame: Buffer, at: number, shape: readonly number[]): number {
  let next = frame.writeUInt8(shape.length, at);
  for (const dim of shape) next = frame.writeDoubleLE(dim, next);
  return next;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    const value = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    return value;
  }

  u16(): number {
    const value = this.#bytes.readUInt16LE(this.#at);
    this.#at += 2;
    return value;
  }

  u32(): number {
    const value = this.#bytes.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  f64(): number {
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  shape(): number[] {
    return this.list(this.u8(), () => this.f64());
  }

  text(byteLength: number): string {
    const start = this.#at;
    if (start + byteLength > this.#bytes.length) throw new RangeError("a text beyond the end");
    this.#at += byteLength;
    return this.#bytes.toString("utf8", start, this.#at);
  }

  list<T>(count: number, one: () => T): T[] {
    const values: T[] = [];
    for (let i = 0; i < count; i++) values.push(one());
    return values;
  }

  end(): void {
    if (this.#at !== this.#bytes.length) {
      throw new RangeError(`${this.#bytes.length - this.#at} bytes too many`);
    }
  }
}
