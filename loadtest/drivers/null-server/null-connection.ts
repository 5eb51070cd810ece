/** One connection of the null server: frames in, fixed frames out, windows of the client kept. */
import type { Socket } from "node:net";
import {
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  FrameCutter,
  frame,
  LARGEST_WINDOW_BYTES,
  PREFACE,
  SETTING,
  settingsFrame,
  windowUpdateFrame,
} from "../raw-http2/frames.ts";
import { HpackDecoder, literalHeader } from "../raw-http2/hpack.ts";
import { MessageCutter } from "../raw-http2/message-cutter.ts";
import { ID_DIGITS } from "../raw-http2/message-stream.ts";
import { Outbox } from "../raw-http2/outbox.ts";
import { PeerSettings } from "../raw-http2/peer-settings.ts";
import { framedMessage } from "../raw-http2/request-template.ts";
import { ANSWERS, inferAnswer } from "./answers.ts";

const STATUS_200 = 0x88;
const UNIMPLEMENTED = 12;

const HEADERS = headers(
  FLAG.END_HEADERS,
  Buffer.from([STATUS_200, ...literalHeader("content-type", "application/grpc")]),
);
const TRAILERS = headers(
  FLAG.END_HEADERS | FLAG.END_STREAM,
  Buffer.from(literalHeader("grpc-status", "0")),
);
const NOT_IMPLEMENTED = headers(
  FLAG.END_HEADERS | FLAG.END_STREAM,
  Buffer.from([
    STATUS_200,
    ...literalHeader("content-type", "application/grpc"),
    ...literalHeader("grpc-status", String(UNIMPLEMENTED)),
    ...literalHeader("grpc-message", "a null server knows the most common calls only"),
  ]),
);
const UNARY = unary(inferAnswer(""));
const CONTROL = new Map(Object.entries(ANSWERS).map(([name, answer]) => [name, unary(answer)]));
const STREAM_ANSWER = streamAnswer();

interface Template {
  readonly bytes: Buffer;
  readonly streamAt: readonly number[];
  readonly dataBytes: number;
}

interface Call {
  readonly number: number;
  readonly method: string;
  windowBytes: number;
  readonly messages: MessageCutter | undefined;
  opened: boolean;
}

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
    this.#calls.get(number)?.messages?.push(bytes, start, end);
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
      opened: false,
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
    const answer = call.method === "ModelInfer" ? UNARY : CONTROL.get(call.method);
    if (answer === undefined) this.#write(call, NOT_IMPLEMENTED, [FRAME_HEADER_BYTES - 4], true);
    else if (answer !== UNARY) this.#answer(call, answer, true);
    else this.#later(() => this.#answer(call, UNARY, true));
  }

  #onMessage(call: Call, bytes: Buffer, start: number, end: number): void {
    const id = idIn(bytes, start, end);
    this.#later(() => {
      if (!call.opened) {
        call.opened = true;
        this.#write(call, HEADERS, [FRAME_HEADER_BYTES - 4], false);
      }
      const { bytes: whole, idAt } = STREAM_ANSWER;
      const answer = id === undefined ? whole : Buffer.from(whole);
      if (id !== undefined) id.copy(answer, idAt);
      this.#answer(call, { bytes: answer, streamAt: [5], dataBytes: whole.length - 9 }, false);
    });
  }

  #end(call: Call): void {
    if (!call.opened) this.#write(call, HEADERS, [FRAME_HEADER_BYTES - 4], false);
    this.#write(call, TRAILERS, [FRAME_HEADER_BYTES - 4], true);
  }

  #answer(call: Call, template: Template, last: boolean): void {
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

function headers(flags: number, block: Uint8Array): Buffer {
  return frame(FRAME.HEADERS, flags, 0, block);
}

function unary(message: Buffer): Template {
  const data = frame(FRAME.DATA, 0, 0, framedMessage(message));
  const bytes = Buffer.concat([HEADERS, data, TRAILERS]);
  const starts = [0, HEADERS.length, HEADERS.length + data.length];
  return {
    bytes,
    streamAt: starts.map((at) => at + FRAME_HEADER_BYTES - 4),
    dataBytes: data.length - FRAME_HEADER_BYTES,
  };
}

/** A DATA frame with one ModelStreamInferResponse, and where the id is in it. */
function streamAnswer(): { bytes: Buffer; idAt: number } {
  const id = "0".repeat(ID_DIGITS);
  const response = inferAnswer(id);
  const message = Buffer.concat([Buffer.from([0x12, response.length]), response]);
  const bytes = frame(FRAME.DATA, 0, 0, framedMessage(message));
  return { bytes, idAt: bytes.indexOf(id, 0, "latin1") };
}

/** The id of a ModelInferRequest where it is as long as our own; else none is echoed. */
function idIn(bytes: Buffer, start: number, end: number): Buffer | undefined {
  for (let at = start; at < end; ) {
    const tag = bytes[at] ?? 0;
    const length = bytes[at + 1] ?? 0;
    if (length >= 128 || (tag !== 0x0a && tag !== 0x12 && tag !== 0x1a)) return undefined;
    if (tag === 0x1a) {
      return length === ID_DIGITS
        ? Buffer.from(bytes.subarray(at + 2, at + 2 + length))
        : undefined;
    }
    at += 2 + length;
  }
  return undefined;
}
