/** Numbers of the calls of XRT's software emulation (2.13), and the shapes of their replies. */
import type { Request } from "./frames.ts";
import { numberField, readFields, writeBytesHeader, writeNumber } from "./protobuf.ts";

export const API = {
  close: 1,
  loadBitstream: 3,
  allocate: 4,
  free: 5,
  writeMemory: 6,
  readMemory: 7,
  writeControl: 9,
  readControl: 11,
  resetProgram: 20,
  setupInstance: 28,
  writeRegister: 51,
  readRegister: 52,
} as const;

/** In a call of `close`: true where the board's process shall end. */
const CLOSE_ALL_FIELD = 3;

/** Whether XRT waits for the end of the board's process after this one. */
export function isLast({ api, message }: Request): boolean {
  return api === API.close && numberField(readFields(message), CLOSE_ALL_FIELD) === 1;
}

/** Fields of a reply's message, in order. */
export type Reply = readonly Uint8Array[];

export const acknowledge = (done: boolean): Reply => [writeNumber(1, done ? 1 : 0)];

/** How many bytes were taken. */
export const taken = (byteLength: number): Reply => [writeNumber(1, byteLength)];

/** Bytes of the device's memory, and how many they are. */
export const bytesReply = (bytes: Uint8Array): Reply => [
  writeNumber(1, bytes.byteLength),
  writeBytesHeader(2, bytes.byteLength),
  bytes,
];

/** One register. */
export function wordReply(value: number): Reply {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(value);
  return [writeNumber(1, 1), writeBytesHeader(2, 4), word];
}
