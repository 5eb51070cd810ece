/** SETTINGS of a client (RFC 9113 §6.5). */
import { DEFAULT_TABLE_BYTES } from "./header-table.ts";
import {
  ConnectionError,
  DEFAULT_WINDOW_BYTES,
  ErrorCode,
  LARGEST_WINDOW_BYTES,
  Setting,
} from "./protocol.ts";
import type { Sender } from "./sender.ts";

const LARGEST_FRAME_BYTES = 2 ** 24 - 1;
const SMALLEST_FRAME_BYTES = 2 ** 14;
const SETTING_BYTES = 6;

export class ClientSettings {
  readonly #sender: Sender;
  streamWindowBytes = DEFAULT_WINDOW_BYTES;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** @returns by how much the windows of open streams change. @throws ConnectionError */
  apply(bytes: Buffer, start: number, end: number): number {
    if ((end - start) % SETTING_BYTES !== 0) {
      throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a broken length");
    }
    const before = this.streamWindowBytes;
    for (let at = start; at < end; at += SETTING_BYTES) {
      this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
    }
    return this.streamWindowBytes - before;
  }

  #set(id: number, value: number): void {
    if (id === Setting.HEADER_TABLE_SIZE) {
      if (value < DEFAULT_TABLE_BYTES) this.#sender.tableSizeDue = true;
    } else if (id === Setting.ENABLE_PUSH) {
      if (value > 1) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH above 1");
    } else if (id === Setting.INITIAL_WINDOW_SIZE) {
      if (value > LARGEST_WINDOW_BYTES) {
        throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE too large");
      }
      this.streamWindowBytes = value;
    } else if (id === Setting.MAX_FRAME_SIZE) {
      if (value < SMALLEST_FRAME_BYTES || value > LARGEST_FRAME_BYTES) {
        throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, `MAX_FRAME_SIZE of ${value}`);
      }
      this.#sender.maxFrameBytes = value;
    }
  }
}
