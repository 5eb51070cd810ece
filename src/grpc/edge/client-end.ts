/** The edge's end of a client's connection: what the client says goes to the gateway, what the gateway asks is done. */
import type { Socket } from "node:net";
import type { Logger } from "../../logger.ts";
import { type ConnectionListener, Http2Connection } from "../http2/connection.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream, StreamOwner } from "../http2/stream.ts";
import type { Line } from "./line.ts";
import {
  Asked,
  DEFINES,
  type EdgeSettings,
  FLAG,
  headersPayload,
  number,
  readAnswer,
  SLOTS,
  Told,
} from "./words.ts";

export interface ClientWatch {
  /** Answers are under way. */
  busy(): void;
  /** The client has said something. */
  heard(): void;
  closed(): void;
}

export class ClientEnd implements ConnectionListener {
  readonly #id: number;
  readonly #socket: Socket;
  readonly #line: Line;
  readonly #log: Logger;
  readonly #watch: ClientWatch;
  readonly #link: Http2Connection;
  readonly #streams = new Map<number, ForwardedStream>();
  /** Streams with bytes of which the gateway does not know that they have left. */
  readonly #untold = new Map<number, ForwardedStream>();
  /** What the gateway remembers, by slot. */
  readonly #headers: (RequestHeaders | undefined)[] = new Array(SLOTS).fill(undefined);
  #nextSlot = 0;
  #stuck = false;

  constructor(
    id: number,
    socket: Socket,
    line: Line,
    settings: EdgeSettings,
    log: Logger,
    watch: ClientWatch,
  ) {
    this.#id = id;
    this.#socket = socket;
    this.#line = line;
    this.#log = log;
    this.#watch = watch;
    this.#link = new Http2Connection(socket, { ...settings, now: () => performance.now() }, this);
  }

  // What the client says ---------------------------------------------------------

  request(stream: Stream, headers: RequestHeaders, ended: boolean): void {
    const { id } = stream;
    const forwarded = new ForwardedStream(stream, (type, payload) => {
      if (payload === undefined) this.#line.say(type, this.#id, id);
      else this.#line.sayBytes(type, this.#id, id, payload);
      if (type === Told.GONE) this.#streams.delete(id);
      this.#watch.heard();
    });
    this.#streams.set(id, forwarded);
    stream.owner = forwarded;
    const flags = ended ? FLAG : 0;
    const known = this.#headers.indexOf(headers);
    if (known >= 0) {
      this.#line.say(Told.HEADERS, this.#id, id, Buffer.of(known), flags);
      return;
    }
    const slot = this.#nextSlot;
    this.#nextSlot = (slot + 1) % SLOTS;
    this.#headers[slot] = headers;
    this.#line.say(Told.HEADERS, this.#id, id, headersPayload(slot, headers), flags | DEFINES);
  }

  pinged(): void {
    this.#line.say(Told.PINGED, this.#id);
  }

  refused(reason: string): void {
    this.#log.debug("gRPC connection closed", { reason });
  }

  failed(error: unknown): void {
    this.#log.error("gRPC connection", { error });
  }

  closed(): void {
    this.#line.say(Told.CLOSED, this.#id);
    this.#watch.closed();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  // What the gateway asks ----------------------------------------------------------

  asked(type: number, flags: number, streamId: number, payload: Buffer): void {
    if (type === Asked.LEAVE) this.#link.leave();
    else if (type === Asked.CUT) this.#link.cut();
    else if (type === Asked.REFUSE) {
      this.#link.refuse(payload.readUInt32BE(0), payload.toString("utf8", 4));
    } else if (type === Asked.PING) {
      this.#link.ping(() => this.#line.say(Told.PONG, this.#id));
    } else {
      const stream = this.#streams.get(streamId);
      if (stream === undefined) return;
      stream.asked(type, flags, payload);
      if (stream.gone) this.#streams.delete(streamId);
      if (stream.untold) this.#untold.set(streamId, stream);
      if (stream.untold || this.#link.stuck) this.#watch.busy();
    }
  }

  /** @returns false: nothing is under way any more */
  tellTaken(): boolean {
    for (const [id, stream] of this.#untold) {
      const bytes = stream.takenBytes();
      if (bytes > 0) this.#line.say(Told.TAKEN, this.#id, id, number(bytes));
      if (!stream.untold) this.#untold.delete(id);
    }
    const { stuck } = this.#link;
    if (stuck !== this.#stuck) {
      this.#stuck = stuck;
      this.#line.say(Told.STUCK, this.#id, 0, undefined, stuck ? FLAG : 0);
    }
    return this.#untold.size > 0 || stuck;
  }
}

class ForwardedStream implements StreamOwner {
  readonly #stream: Stream;
  readonly #tell: (type: number, payload?: Buffer) => void;
  /** The gateway has given the whole answer: it counts on nothing more of this stream. */
  #answered = false;
  #writtenBytes = 0;
  #toldBytes = 0;

  constructor(stream: Stream, tell: (type: number, payload?: Buffer) => void) {
    this.#stream = stream;
    this.#tell = tell;
  }

  get gone(): boolean {
    return this.#stream.closed;
  }

  /** There are written bytes of which the gateway does not know that they have left. */
  get untold(): boolean {
    return this.#writtenBytes > this.#toldBytes && !this.#stream.closed;
  }

  /** Since it was asked last. */
  takenBytes(): number {
    const taken = this.#writtenBytes - this.#stream.queuedBytes - this.#toldBytes;
    this.#toldBytes += taken;
    return taken;
  }

  chunk(chunk: Buffer): boolean {
    this.#tell(Told.DATA, chunk);
    // The gateway says when there is room for more.
    return false;
  }

  inputEnd(): void {
    this.#tell(Told.END);
  }

  drained(): void {}

  streamClosed(): void {
    if (!this.#answered) this.#tell(Told.GONE);
  }

  asked(type: number, flags: number, payload: Buffer): void {
    const stream = this.#stream;
    if (type === Asked.RESPOND) stream.respond(payload, (flags & FLAG) !== 0);
    else if (type === Asked.WRITE) {
      this.#writtenBytes += payload.length;
      stream.write(payload);
    } else if (type === Asked.ANSWER) {
      this.#answered = true;
      const { headers, data, trailers } = readAnswer(payload);
      stream.answer(headers, data, trailers);
    } else if (type === Asked.FINISH) stream.end(payload);
    else if (type === Asked.GIVE_BACK) stream.readOn(payload.readUInt32BE(0));
    else if (type === Asked.RESET) stream.reset(payload.readUInt32BE(0));
  }
}
