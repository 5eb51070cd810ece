/**
 * A connection that brings infer requests and nothing else so far: they are read
 * straight off the socket and answered in their order.
 *
 *   data → head, the same as last time? → body whole? → DirectCall → answers in order → one write
 *
 * The first request that is anything else is left unread, and once those before it
 * are answered the connection is Node's for good (`Leaving.toNode`).
 */
import type { Socket } from "node:net";
import { StatusError } from "../../errors.ts";
import type { Caller } from "../../inference/caller.ts";
import { HTTP_ACCESS, needOf } from "../../tenants/access-table.ts";
import type { Origin } from "../../tenants/origin.ts";
import type { Gate, OriginOf } from "../authorize.ts";
import type { InferRoom } from "../infer/http-call.ts";
import { DirectCall } from "./direct-call.ts";
import { LastAnswer } from "./last-answer.ts";
import { LastRequest } from "./last-request.ts";
import { OutgoingAnswers } from "./outgoing-answers.ts";
import { type InferHead, readHead } from "./read-head.ts";

export interface DirectSetting {
  readonly room: InferRoom;
  /** undefined: nobody is asked who he is. */
  readonly gate: Gate | undefined;
  readonly originOf: OriginOf;
  /** Header lines about a connection that is kept. */
  readonly keepAlive: string;
  /** Now, as HTTP writes it. */
  date(): string;
  /** Gives a connection to Node's HTTP server; `unread` was taken off it already. */
  toNode(connection: DirectConnection, socket: Socket, unread: Buffer): void;
  closed(connection: DirectConnection): void;
}

/** Larger bodies are received by Node's streams, where they wait for room. */
const LARGEST_BODY_BYTES = 256 * 1024;
const LARGEST_HEAD_BYTES = 8 * 1024;
/** Requests of a connection that are worked on at once; further ones are not read. */
const MAX_PIPELINED = 256;

const LINGER_MS = 1_000;

const HEAD_END = Buffer.from("\r\n\r\n");
const PREFIX = Buffer.from("POST /v2/models/");
const NOTHING: Buffer = Buffer.alloc(0);

/** With a version or without: both are one question. */
const NEED = needOf(HTTP_ACCESS, "POST /v2/models/:model/infer");

interface Arriving {
  readonly head: InferHead;
  readonly caller: Caller | undefined;
  /** Its bytes are taken from the budget. */
  readonly body: Buffer;
  filledBytes: number;
}

export class DirectConnection {
  readonly lastRequest = new LastRequest();
  readonly lastAnswer = new LastAnswer();
  /** In the order in which they came; the first may be answered, the others may be before it. */
  readonly #calls: DirectCall[] = [];
  readonly #setting: DirectSetting;
  readonly #socket: Socket;
  /** Of the request that was read last: the next one has mostly the same head. */
  #headBytes = NOTHING;
  #head: InferHead | undefined;
  /** Came, and is not worked on: a head that is incomplete, too much at once, or not for us. */
  #unread = NOTHING;
  /** A request whose head is here, and a part of its body. */
  #arriving: Arriving | undefined;
  #leaving = false;
  #closing = false;
  #writeSoon = false;
  readonly #origin: Origin;
  /** It is being found out who sends what came. */
  #asking = false;
  /** Rounds of the watch without a byte from the client. */
  quietRounds = 0;
  /** Rounds of the watch that an incomplete request has taken. */
  incompleteRounds = 0;

  constructor(socket: Socket, setting: DirectSetting) {
    this.#socket = socket;
    this.#setting = setting;
    this.#origin = setting.originOf(socket);
    socket.on("data", this.#onData);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  get idle(): boolean {
    return this.#calls.length === 0 && !this.incomplete;
  }

  /** Something came that is no whole request yet. */
  get incomplete(): boolean {
    return this.#arriving !== undefined || this.#unread.length > 0;
  }

  /** For the log of a drain. */
  inFlight(): readonly string[] {
    const { remoteAddress: from, writableLength } = this.#socket;
    const calls = this.#calls.map(({ head }) => `POST infer of ${head.model} from ${from}`);
    return writableLength > 0 ? [...calls, `answers that ${from} does not read`] : calls;
  }

  /** What was begun, and the body that is on its way, is answered; nothing more is begun, and the connection ends. */
  close(): void {
    if (this.#closing) return;
    // It is being found out who asks: Node's server, which is asked to end as well, answers him.
    if (this.#asking) {
      this.leave();
      return;
    }
    this.#closing = true;
    if (this.#arriving === undefined) this.#unread = NOTHING;
    this.#leaveOrEnd();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Lets Node, which has time limits for it, receive what takes long. */
  leave(): void {
    this.#leaving = true;
    this.#leaveOrEnd();
  }

  readonly #onData = (chunk: Buffer) => {
    this.quietRounds = 0;
    const rest = this.#arriving === undefined ? chunk : this.#fill(this.#arriving, chunk);
    if (rest.length === 0 || this.#closing) return;
    this.#unread = this.#unread.length > 0 ? Buffer.concat([this.#unread, rest]) : rest;
    if (!this.#asking) this.#read();
  };

  readonly #onDrain = () => this.#resume();

  /** As with Node: a client that ends its side has hung up. */
  readonly #onEnd = () => this.#socket.destroy();

  readonly #onError = () => this.#socket.destroy();

  readonly #onClose = () => {
    for (const call of this.#calls.splice(0)) call.hungUp();
    this.#dropArriving();
    this.#setting.closed(this);
  };

  /** Starts every request that is there as a whole. */
  #read(): void {
    const bytes = this.#unread;
    let at = 0;
    while (at < bytes.length && !this.#leaving && !this.#closing) {
      if (this.#calls.length >= MAX_PIPELINED) {
        this.#socket.pause();
        break;
      }
      const next = this.#readOne(bytes, at);
      if (next === undefined) break;
      at = next;
    }
    this.#unread = at === bytes.length ? NOTHING : bytes.subarray(at);
    if (!this.incomplete) this.incompleteRounds = 0;
    if (this.#leaving) {
      this.#socket.pause();
      this.#leaveOrEnd();
    }
  }

  /** @returns where the next request begins; undefined: this one's head is incomplete, or it is not for us */
  #readOne(bytes: Buffer, at: number): number | undefined {
    const end = bytes.indexOf(HEAD_END, at);
    const head = end < 0 ? undefined : this.#headOf(bytes, at, end);
    if (head === undefined) {
      const begun = bytes.subarray(at, at + PREFIX.length);
      const mayBeOurs = PREFIX.subarray(0, begun.length).equals(begun);
      this.#leaving = end >= 0 || !mayBeOurs || bytes.length - at > LARGEST_HEAD_BYTES;
      return undefined;
    }
    const { room, gate } = this.#setting;
    const { contentLength } = head;
    const caller = gate?.admit(NEED, head.headers, this.#origin);
    if (caller instanceof Promise) {
      this.#waitFor(caller);
      return undefined;
    }
    // Node's server says why, and reads no body for it.
    if (caller instanceof StatusError) {
      this.#leaving = true;
      return undefined;
    }
    const tooLong = contentLength > Math.min(LARGEST_BODY_BYTES, room.maxInputBytes);
    if (tooLong || !room.budget.acquireNow(contentLength)) {
      this.#leaving = true;
      return undefined;
    }
    const start = end + HEAD_END.length;
    const stop = start + contentLength;
    if (stop <= bytes.length) {
      this.#begin(head, bytes.subarray(start, stop), caller);
      return stop;
    }
    const body = Buffer.allocUnsafeSlow(contentLength);
    this.#arriving = { head, caller, body, filledBytes: bytes.copy(body, 0, start) };
    return bytes.length;
  }

  /** Nothing more is read until it is known who sends it; then it is looked at again, and known at once. */
  #waitFor(verdict: Promise<unknown>): void {
    this.#asking = true;
    this.#socket.pause();
    void verdict.then((caller) => {
      this.#asking = false;
      // On its way to Node, or there, which asks itself.
      if (this.#socket.destroyed || this.#leaving) return;
      if (caller instanceof StatusError) this.leave();
      else this.#resume();
    });
  }

  #begin(head: InferHead, body: Buffer, caller: Caller | undefined): void {
    const call = new DirectCall(this.#setting.room, this, head, body, caller);
    this.#calls.push(call);
    this.incompleteRounds = 0;
    call.start();
  }

  /** @returns what is behind the body */
  #fill(arriving: Arriving, chunk: Buffer): Buffer {
    const { head, body, caller } = arriving;
    const taken = chunk.copy(body, arriving.filledBytes);
    arriving.filledBytes += taken;
    if (arriving.filledBytes === body.length) {
      this.#arriving = undefined;
      this.#begin(head, body, caller);
    }
    return chunk.subarray(taken);
  }

  /** @returns what came of the request, for somebody else to read */
  #dropArriving(): Buffer {
    const arriving = this.#arriving;
    if (arriving === undefined) return NOTHING;
    this.#arriving = undefined;
    this.#setting.room.budget.release(arriving.body.length);
    return Buffer.concat([
      this.#headBytes,
      HEAD_END,
      arriving.body.subarray(0, arriving.filledBytes),
    ]);
  }

  #headOf(bytes: Buffer, at: number, end: number): InferHead | undefined {
    const known = this.#headBytes;
    const length = end - at;
    if (known.length === length && bytes.compare(known, 0, length, at, end) === 0) {
      return this.#head;
    }
    if (length > LARGEST_HEAD_BYTES) return undefined;
    const head = readHead(bytes.toString("latin1", at, end));
    this.#head = head;
    this.#headBytes = head === undefined ? NOTHING : Buffer.from(bytes.subarray(at, end));
    return head;
  }

  /** A call has its answer; it goes out when those before it have theirs. */
  answered(): void {
    if (this.#writeSoon || this.#calls[0]?.answer === undefined) return;
    this.#writeSoon = true;
    // Requests of one batch are answered one after the other: one write for all.
    process.nextTick(() => {
      this.#writeSoon = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#socket.destroyed) return;
    const outgoing = new OutgoingAnswers(this.#setting.date(), this.#setting.keepAlive);
    for (const { answer } of this.#calls) {
      if (answer === undefined) break;
      const isLast = this.#closing && outgoing.count + 1 === this.#calls.length;
      if (isLast && this.#arriving === undefined) outgoing.addLast(answer);
      else outgoing.add(answer);
    }
    this.#calls.splice(0, outgoing.count);
    this.quietRounds = 0;
    if (outgoing.count === 0) return;
    outgoing.writeTo(this.#socket);
    if (this.#socket.writableNeedDrain) this.#socket.pause();
    else this.#resume();
    this.#leaveOrEnd();
  }

  /** Reads on after the client took its answers, or some requests were answered. */
  #resume(): void {
    if (this.#leaving || this.#closing || this.#asking) return;
    if (this.#socket.destroyed || !this.#socket.isPaused()) return;
    if (this.#calls.length >= MAX_PIPELINED || this.#socket.writableNeedDrain) return;
    this.#read();
    if (this.#calls.length < MAX_PIPELINED && !this.#leaving && !this.#asking) {
      this.#socket.resume();
    }
  }

  /** Once every call is answered. */
  #leaveOrEnd(): void {
    if (this.#calls.length > 0 || this.#socket.destroyed || this.#socket.writableEnded) return;
    if (this.#closing && this.#arriving === undefined) this.#end();
    else if (this.#leaving) {
      this.#socket.pause();
      this.#socket.off("data", this.#onData);
      this.#socket.off("drain", this.#onDrain);
      this.#socket.off("end", this.#onEnd);
      this.#socket.off("error", this.#onError);
      this.#socket.off("close", this.#onClose);
      const unread = Buffer.concat([this.#dropArriving(), this.#unread]);
      this.#setting.toNode(this, this.#socket, unread);
    }
  }

  /**
   * Says goodbye. What the client still sends is read and dropped for a moment: the kernel would
   * answer it with a reset, which takes the last answers from a client that has not read them.
   */
  #end(): void {
    this.#socket.end();
    this.#socket.resume();
    const linger = setTimeout(() => this.#socket.destroySoon(), LINGER_MS).unref();
    this.#socket.once("close", () => clearTimeout(linger));
  }
}
