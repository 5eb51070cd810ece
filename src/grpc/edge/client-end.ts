/** The edge's end of a client's connection: what the client says goes to the gateway, what the gateway asks is done. */
import type { Socket } from "node:net";
import type { Logger } from "../../logger.ts";
import { type ConnectionListener, Http2Connection } from "../http2/connection.ts";
import type { RequestHeaders } from "../http2/protocol.ts";
import type { Stream } from "../http2/stream.ts";
import { ForwardedStream } from "./forwarded-stream.ts";
import { COPY_BYTES, type Line } from "./line.ts";
import {
  Asked,
  DEFINES,
  type EdgeSettings,
  FLAG,
  headersBytes,
  number,
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

const NOTHING: Buffer = Buffer.alloc(0);

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
  /** Requests of which the gateway has not heard: what comes with their headers is told with them. */
  readonly #begun: ForwardedStream[] = [];
  /** What the gateway remembers, by slot. */
  readonly #headers: (RequestHeaders | undefined)[] = new Array(SLOTS).fill(undefined);
  #nextSlot = 0;
  #stuck = false;
  /** Nothing is read of it, whatever it takes itself. */
  #held = false;

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
    // The sender's own listener, which comes first, reads on once the client has taken what waited.
    socket.on("drain", () => {
      if (this.#held) socket.pause();
    });
  }

  // What the client says ---------------------------------------------------------

  request(stream: Stream, headers: RequestHeaders, ended: boolean): void {
    const forwarded = new ForwardedStream(stream, headers, this);
    this.#streams.set(stream.id, forwarded);
    stream.owner = forwarded;
    if (ended) forwarded.tellBegun(true);
    else this.#begun.push(forwarded);
  }

  /** Nothing more comes with what was begun. */
  pause(): void {
    for (const stream of this.#begun) stream.tellBegun();
    this.#begun.length = 0;
    this.#watch.heard();
  }

  /** The first word of a stream. @param last the client says no more */
  tellRequest({ id, headers }: ForwardedStream, body: Buffer, last: boolean): void {
    let slot = this.#headers.indexOf(headers);
    let fields: Buffer = NOTHING;
    let flags = 0;
    if (slot < 0) {
      slot = this.#nextSlot;
      this.#nextSlot = (slot + 1) % SLOTS;
      this.#headers[slot] = headers;
      fields = headersBytes(headers);
      flags = DEFINES;
    }
    const long = body.length > COPY_BYTES;
    if (last && !long) flags |= FLAG;
    const length = 1 + fields.length + (long ? 0 : body.length);
    const at = this.#line.reserve(Told.REQUEST, flags, this.#id, id, length, length);
    const { bytes } = this.#line;
    bytes[at] = slot;
    if (fields.length > 0) bytes.set(fields, at + 1);
    if (!long) {
      bytes.set(body, at + 1 + fields.length);
      return;
    }
    this.tell(Told.DATA, id, body);
    if (last) this.tell(Told.END, id);
  }

  tell(type: number, streamId: number, payload = NOTHING): void {
    if (type === Told.DATA) this.#line.sayBytes(type, this.#id, streamId, payload);
    else this.#line.say(type, this.#id, streamId, payload);
  }

  /** @param known to the gateway, which does not know that it is over */
  streamClosed(streamId: number, known: boolean): void {
    if (known) this.tell(Told.GONE, streamId);
    this.#streams.delete(streamId);
  }

  pinged(): void {
    // Whether calls are open makes a difference.
    this.pause();
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

  stopReading(): void {
    this.#held = true;
    this.#socket.pause();
  }

  readOn(): void {
    this.#held = false;
    this.#socket.resume();
  }

  // What the gateway asks ----------------------------------------------------------

  asked(
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    if (type === Asked.LEAVE) this.#link.leave();
    else if (type === Asked.CUT) this.#link.cut();
    else if (type === Asked.REFUSE) {
      this.#link.refuse(bytes.readUInt32BE(start), bytes.toString("utf8", start + 4, end));
    } else if (type === Asked.PING) {
      this.#link.ping(() => this.#line.say(Told.PONG, this.#id));
    } else {
      const stream = this.#streams.get(streamId);
      if (stream === undefined) return;
      stream.asked(type, flags, bytes, start, end);
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
