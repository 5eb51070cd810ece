/** One connection of the null server: frames in, fixed frames out, windows of the client kept. */
import type { Socket } from "node:net";
import {
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FrameCutter,
  frame,
  LARGEST_WINDOW_BYTES,
  PREFACE,
  SETTING,
  settingsFrame,
  windowUpdateFrame,
} from "../raw-http2/frames.ts";
import { HpackDecoder } from "../raw-http2/hpack.ts";
import { MessageCutter } from "../raw-http2/message-cutter.ts";
import { Outbox } from "../raw-http2/outbox.ts";
import { PeerSettings } from "../raw-http2/peer-settings.ts";
import {
  type AnswerFrames,
  CONTROL,
  HEADERS,
  NOT_IMPLEMENTED,
  requestId,
  streamAnswer,
  TRAILERS,
  unaryAnswer,
} from "./answer-frames.ts";

interface Call {
  readonly number: number;
  readonly method: string;
  windowBytes: number;
  readonly messages: MessageCutter | undefined;
  /** Of a unary request. */
  id: Buffer | undefined;
  /** True once the first of its body is there. */
  begun: boolean;
  opened: boolean;
}

/** gRPC's prefix of a message. */
const PREFIX_BYTES = 5;

export class NullConnection {
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #later: (answer: () => void) => void;
  readonly #hpack = new HpackDecoder();
  readonly #peer = new PeerSettings();
  readonly #calls = new Map<number, Call>();
  /** Answers that wait for a window of the client, oldest first. */
  #waiting: (() => boolean)[] = [];
  #sendWindow = DEFAULT_WINDOW_BYTES;
  #unacknowledgedBytes = 0;
  #prefaceLeft = PREFACE.length;
  #flushing = false;
  #path = "";

  /** @param later calls its argument when the answer is due */
  constructor(socket: Socket, later: (answer: () => void) => void) {
    this.#socket = socket;
    this.#later = later;
    this.#outbox = new Outbox(socket);
    const cutter = new FrameCutter({
      data: (stream, bytes, start, end) => this.#onData(stream, bytes, start, end),
      frame: (type, flags, stream, bytes, start, end) =>
        this.#onFrame(type, flags, stream, bytes, start, end),
    });
    socket.on("error", () => undefined); // a client that leaves
    socket.on("data", (read: Buffer) => {
      const skipped = Math.min(this.#prefaceLeft, read.length);
      this.#prefaceLeft -= skipped;
      cutter.push(read.subarray(skipped));
      this.#outbox.flush();
    });
    this.#outbox.push(
      settingsFrame([
        [SETTING.INITIAL_WINDOW_SIZE, LARGEST_WINDOW_BYTES],
        [SETTING.MAX_FRAME_SIZE, 2 ** 24 - 1],
      ]),
    );
    this.#outbox.push(windowUpdateFrame(0, LARGEST_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
    this.#outbox.flush();
  }

  #onData(number: number, bytes: Buffer, start: number, end: number): void {
    const call = this.#calls.get(number);
    if (call?.messages !== undefined) call.messages.push(bytes, start, end);
    else if (call !== undefined && !call.begun) {
      call.begun = true;
      call.id = requestId(bytes, start + PREFIX_BYTES, end);
    }
    this.#unacknowledgedBytes += end - start;
    if (this.#unacknowledgedBytes > LARGEST_WINDOW_BYTES / 2) {
      this.#outbox.push(windowUpdateFrame(0, this.#unacknowledgedBytes));
      this.#unacknowledgedBytes = 0;
    }
  }

  #onFrame(
    type: number,
    flags: number,
    number: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    switch (type) {
      case FRAME.DATA:
        if (flags & FLAG.END_STREAM) this.#requestOver(number);
        break;
      case FRAME.HEADERS:
        this.#onHeaders(number, flags, bytes, start, end);
        if (flags & FLAG.END_STREAM) this.#requestOver(number);
        break;
      case FRAME.RST_STREAM:
        this.#calls.delete(number);
        break;
      case FRAME.SETTINGS:
        if (flags & FLAG.ACK) break;
        this.#onSettings(bytes, start, end);
        break;
      case FRAME.PING:
        if (flags & FLAG.ACK) break;
        this.#outbox.push(frame(FRAME.PING, FLAG.ACK, 0, bytes.subarray(start, end)));
        break;
      case FRAME.WINDOW_UPDATE: {
        const grown = bytes.readUInt32BE(start) & 0x7fffffff;
        const call = this.#calls.get(number);
        if (number === 0) this.#sendWindow += grown;
        else if (call) call.windowBytes += grown;
        this.#drain();
        break;
      }
    }
  }

  #onSettings(bytes: Buffer, start: number, end: number): void {
    const change = this.#peer.apply(bytes, start, end);
    for (const call of this.#calls.values()) call.windowBytes += change;
    this.#outbox.push(frame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)));
    this.#drain();
  }

  #onHeaders(number: number, flags: number, bytes: Buffer, start: number, end: number): void {
    const padded = flags & FLAG.PADDED ? 1 : 0;
    const from = start + padded + (flags & FLAG.PRIORITY ? 5 : 0);
    this.#hpack.decode(bytes, from, end - (padded ? (bytes[start] ?? 0) : 0), this.#onHeader);
    const method = this.#path.slice(this.#path.lastIndexOf("/") + 1);
    const call: Call = {
      number,
      method,
      windowBytes: this.#peer.streamWindowBytes,
      messages:
        method === "ModelStreamInfer"
          ? new MessageCutter((message, at, to) => this.#onMessage(call, message, at, to))
          : undefined,
      ...{ id: undefined, begun: false, opened: false },
    };
    this.#calls.set(number, call);
  }

  readonly #onHeader = (name: string, value: string): void => {
    if (name === ":path") this.#path = value;
  };

  #requestOver(number: number): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    if (call.messages !== undefined) {
      this.#later(() => this.#end(call));
      return;
    }
    if (call.method === "ModelInfer") {
      const answer = unaryAnswer(call.id);
      this.#later(() => this.#answer(call, answer, true));
      return;
    }
    this.#answer(call, CONTROL.get(call.method) ?? NOT_IMPLEMENTED, true);
  }

  #onMessage(call: Call, bytes: Buffer, start: number, end: number): void {
    const answer = streamAnswer(requestId(bytes, start, end));
    this.#later(() => {
      if (!call.opened) {
        call.opened = true;
        this.#answer(call, HEADERS, false);
      }
      this.#answer(call, answer, false);
    });
  }

  #end(call: Call): void {
    if (!call.opened) this.#answer(call, HEADERS, false);
    this.#answer(call, TRAILERS, true);
  }

  #answer(call: Call, template: AnswerFrames, last: boolean): void {
    const send = (): boolean => {
      if (!this.#calls.has(call.number)) return true; // the client has given it up
      if (template.dataBytes > Math.min(call.windowBytes, this.#sendWindow)) return false;
      call.windowBytes -= template.dataBytes;
      this.#sendWindow -= template.dataBytes;
      this.#write(call, template.bytes, template.streamAt, last);
      return true;
    };
    if (this.#waiting.length > 0 || !send()) this.#waiting.push(send);
  }

  #drain(): void {
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter((send) => !send());
  }

  #write(call: Call, bytes: Buffer, streamAt: readonly number[], last: boolean): void {
    if (this.#socket.destroyed) return;
    const room = this.#outbox.room(bytes.length);
    room.set(bytes);
    for (const at of streamAt) room.writeUInt32BE(call.number, at);
    if (last) this.#calls.delete(call.number);
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#outbox.flush();
    });
  }
}
