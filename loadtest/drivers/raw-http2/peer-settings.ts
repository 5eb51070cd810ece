/** What the server's SETTINGS frames allow (RFC 9113 §6.5.2). */
import { DEFAULT_WINDOW_BYTES, SETTING } from "./frames.ts";

export class PeerSettings {
  headerTableBytes = 4096;
  maxFrameBytes = 16_384;
  streamWindowBytes = DEFAULT_WINDOW_BYTES;
  maxStreams = Number.POSITIVE_INFINITY;

  /** @returns by how much the window of every open stream changes. */
  apply(bytes: Buffer, start: number, end: number): number {
    const windowBefore = this.streamWindowBytes;
    for (let at = start; at + 6 <= end; at += 6) {
      const value = bytes.readUInt32BE(at + 2);
      const id = bytes.readUInt16BE(at);
      if (id === SETTING.HEADER_TABLE_SIZE) this.headerTableBytes = value;
      else if (id === SETTING.MAX_CONCURRENT_STREAMS) this.maxStreams = value;
      else if (id === SETTING.INITIAL_WINDOW_SIZE) this.streamWindowBytes = value;
      else if (id === SETTING.MAX_FRAME_SIZE) this.maxFrameBytes = value;
    }
    return this.streamWindowBytes - windowBefore;
  }
}
