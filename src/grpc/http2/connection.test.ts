import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { type ConnectionListener, Http2Connection } from "./connection.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { frame, numberFrame, settingsFrame } from "./frames.ts";
import { encodeHeaders } from "./hpack-encoder.ts";
import { ErrorCode, Frame, PREFACE, type RequestHeaders } from "./protocol.ts";
import type { Stream, StreamOwner } from "./stream.ts";

interface Heard {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** A socket of which both ends are in the hands of the test. */
class FakeSocket extends EventEmitter {
  writable = true;
  writableLength = 0;
  destroyed = false;
  ended = false;
  #written: Buffer[] = [];

  write(bytes: Buffer): boolean {
    this.#written.push(Buffer.from(bytes));
    return true;
  }

  heard(): Heard[] {
    const all = Buffer.concat(this.#written);
    this.#written = [];
    const frames: Heard[] = [];
    for (let at = 0; at < all.length; ) {
      const end = at + 9 + all.readUIntBE(at, 3);
      frames.push({
        type: all[at + 3] ?? 0,
        flags: all[at + 4] ?? 0,
        streamId: all.readUInt32BE(at + 5),
        payload: all.subarray(at + 9, end),
      });
      at = end;
    }
    return frames;
  }

  setNoDelay(): void {}
  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  isPaused(): boolean {
    return false;
  }
  end(): void {
    this.ended = true;
  }
  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writable = false;
    this.emit("close");
  }
}

class Call implements StreamOwner {
  readonly chunks: Buffer[] = [];
  ended = false;
  closes = 0;
  drains = 0;
  take = true;
  readonly stream: Stream;
  readonly headers: RequestHeaders;

  constructor(stream: Stream, headers: RequestHeaders) {
    this.stream = stream;
    this.headers = headers;
    stream.owner = this;
  }
  chunk(chunk: Buffer): boolean {
    this.chunks.push(Buffer.from(chunk));
    return this.take;
  }
  inputEnd(): void {
    this.ended = true;
  }
  drained(): void {
    this.drains++;
  }
  streamClosed(): void {
    this.closes++;
  }
}

const WINDOW_BYTES = 100_000;

function setUp(onCall: (call: Call) => void = () => {}, changes: Partial<ConnectionOptions> = {}) {
  const socket = new FakeSocket();
  const calls: Call[] = [];
  const failures: unknown[] = [];
  const refusals: string[] = [];
  let closed = 0;
  let now = 0;
  const listener: ConnectionListener = {
    request(stream, headers, ended) {
      const call = new Call(stream, headers);
      call.ended = ended;
      calls.push(call);
      onCall(call);
    },
    pinged() {},
    refused: (reason) => refusals.push(reason),
    failed: (error) => failures.push(error),
    closed() {
      closed++;
    },
  };
  const options = {
    receiveWindowBytes: 4 * WINDOW_BYTES,
    streamWindowBytes: WINDOW_BYTES,
    maxFrameBytes: 1024 * 1024,
    maxConcurrentStreams: 3,
    now: () => now,
    ...changes,
  };
  const connection = new Http2Connection(socket as unknown as Socket, options, listener);
  return {
    socket,
    calls,
    failures,
    refusals,
    connection,
    closed: () => closed,
    wait: (ms: number) => {
      now += ms;
    },
    say(...bytes: Uint8Array[]): Heard[] {
      socket.emit("data", Buffer.concat(bytes));
      return socket.heard();
    },
  };
}

const NOTHING = Buffer.alloc(0);
const greeting = Buffer.concat([PREFACE, settingsFrame([])]);
const request = (changes: Record<string, string | undefined> = {}) =>
  encodeHeaders({
    ":method": "POST",
    ":scheme": "http",
    ":path": "/a.B/C",
    "content-type": "application/grpc",
    te: "trailers",
    ...changes,
  });
const open = (id: number, flags = 4, block = request()) => frame(Frame.HEADERS, flags, id, block);
const data = (id: number, bytes: number | Buffer, flags = 0) =>
  frame(Frame.DATA, flags, id, typeof bytes === "number" ? Buffer.alloc(bytes, 7) : bytes);
const reset = (id: number) => numberFrame(Frame.RST_STREAM, id, ErrorCode.CANCEL);
const HEAD = encodeHeaders({ ":status": 200 });
const TAIL = encodeHeaders({ "grpc-status": "0" });

const goawayOf = (heard: Heard[]) =>
  heard.find(({ type }) => type === Frame.GOAWAY)?.payload.readUInt32BE(4);
const resetsOf = (heard: Heard[]) =>
  heard
    .filter(({ type }) => type === Frame.RST_STREAM)
    .map(({ streamId, payload }) => [streamId, payload.readUInt32BE(0)]);

describe("a request", () => {
  it("is handed over with its headers and body, however its bytes are cut", () => {
    const bytes = Buffer.concat([greeting, open(1), data(1, 1_000), data(1, 5, 1)]);
    for (const cut of [1, 7, 100, bytes.length]) {
      const { say, calls } = setUp();
      for (let at = 0; at < bytes.length; at += cut) say(bytes.subarray(at, at + cut));
      expect(calls.length).toBe(1);
      const [call] = calls;
      expect(call?.headers[":path"]).toBe("/a.B/C");
      expect(call?.ended).toBe(true);
      expect(Buffer.concat(call?.chunks ?? [])).toEqual(Buffer.alloc(1_005, 7));
    }
  });

  it("may be padded, carry a priority, come in CONTINUATIONs and end with trailers", () => {
    const { say, calls, socket } = setUp();
    const block = request();
    const padded = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 9]), block.subarray(0, 10)]);
    say(
      greeting,
      frame(Frame.HEADERS, 8 | 32, 1, Buffer.concat([padded, Buffer.alloc(2)])),
      frame(Frame.CONTINUATION, 0, 1, block.subarray(10, 20)),
      frame(Frame.CONTINUATION, 4, 1, block.subarray(20)),
      data(1, Buffer.from([3, 1, 2, 0, 0, 0]), 8),
      open(1, 5, encodeHeaders({ "x-last": "word" })),
    );
    expect(calls[0]?.headers["te"]).toBe("trailers");
    expect(Buffer.concat(calls[0]?.chunks ?? [])).toEqual(Buffer.from([1, 2]));
    expect([calls[0]?.ended, socket.ended]).toEqual([true, false]);
  });

  it("comes when the chunk was read in which it came, as those beside it do", () => {
    let looks = 0;
    const now = () => ++looks * 10;
    const { say, connection } = setUp((call) => at.push([call.stream.id, connection.readAt]), {
      now,
    });
    const at: [number, number][] = [];
    say(greeting, open(1), open(3));
    const [first] = at;
    expect(at).toEqual([1, 3].map((id) => [id, first?.[1]]));
    looks = 100;
    say(open(5));
    expect(at.at(-1)).toEqual([5, 1010]);
  });

  it("with the same block as before has the same headers object", () => {
    const { say, calls } = setUp();
    say(greeting, open(1), open(3), open(5, 4, request({ te: undefined })));
    expect(calls[1]?.headers).toBe(calls[0]?.headers);
    expect(calls[2]?.headers).not.toBe(calls[0]?.headers);
  });

  it("beyond the limit is refused, and its headers are still learnt", () => {
    const { say, calls } = setUp();
    say(greeting, open(1), open(3), open(5));
    const learnt = Buffer.concat([request(), Buffer.from([0x40, 1, 0x78, 1, 0x79])]);
    expect(resetsOf(say(open(7, 4, learnt)))).toEqual([[7, ErrorCode.REFUSED_STREAM]]);
    say(reset(1), open(9, 4, Buffer.concat([request(), Buffer.from([0xbe])])));
    expect(calls.at(-1)?.headers["x"]).toBe("y");
  });

  it.each([
    ["an upper-case name", { "X-Y": "1" }],
    ["no path", { ":path": undefined }],
    ["an empty path", { ":path": "" }],
    ["no method", { ":method": undefined }],
    ["a header of HTTP/1", { connection: "close" }],
    ["te: gzip", { te: "gzip" }],
    ["an unknown pseudo-header", { ":status": "200" }],
    [
      "headers of 67 kB",
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x${i}`, "x".repeat(300)])),
    ],
  ])("with %s is malformed, and the next one is served", (_name, changes) => {
    const { say, calls } = setUp();
    say(greeting);
    expect(resetsOf(say(open(1, 5, request(changes))))).toEqual([[1, ErrorCode.PROTOCOL_ERROR]]);
    say(open(3));
    expect(calls.length).toBe(1);
  });
});

describe("what costs a client its connection", () => {
  it.each<[string, number, Uint8Array[]]>([
    ["no SETTINGS first", ErrorCode.PROTOCOL_ERROR, [frame(Frame.PING, 0, 0, Buffer.alloc(8))]],
    ["an even stream", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), open(2)]],
    ["stream 0", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), data(0, 1)]],
    ["DATA of an idle stream", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), data(5, 1)]],
    ["RST_STREAM of an idle stream", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), reset(5)]],
    ["PUSH_PROMISE", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), frame(5, 4, 1, NOTHING)]],
    ["CONTINUATION alone", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), frame(9, 4, 1, NOTHING)]],
    [
      "a frame within headers",
      ErrorCode.PROTOCOL_ERROR,
      [settingsFrame([]), open(1, 0), data(1, 1)],
    ],
    ["an old stream again", ErrorCode.STREAM_CLOSED, [settingsFrame([]), open(3, 5), open(1)]],
    [
      "PING of 7 bytes",
      ErrorCode.FRAME_SIZE_ERROR,
      [settingsFrame([]), frame(6, 0, 0, Buffer.alloc(7))],
    ],
    ["SETTINGS of 5 bytes", ErrorCode.FRAME_SIZE_ERROR, [frame(4, 0, 0, Buffer.alloc(5))]],
    ["a window of 2^31", ErrorCode.FLOW_CONTROL_ERROR, [settingsFrame([[4, 2 ** 31]])]],
    ["a frame size of 100", ErrorCode.PROTOCOL_ERROR, [settingsFrame([[5, 100]])]],
    ["WINDOW_UPDATE of 0", ErrorCode.PROTOCOL_ERROR, [settingsFrame([]), numberFrame(8, 0, 0)]],
    [
      "a window that overflows",
      ErrorCode.FLOW_CONTROL_ERROR,
      [settingsFrame([]), numberFrame(8, 0, 2 ** 31 - 1)],
    ],
    [
      "padding longer than DATA",
      ErrorCode.PROTOCOL_ERROR,
      [settingsFrame([]), open(1), data(1, 3, 8)],
    ],
    [
      "padding longer than HEADERS",
      ErrorCode.PROTOCOL_ERROR,
      [settingsFrame([]), open(1, 12, Buffer.from([9, 1]))],
    ],
    [
      "broken HPACK",
      ErrorCode.COMPRESSION_ERROR,
      [settingsFrame([]), open(1, 4, Buffer.from([0xff, 0x80, 1]))],
    ],
    [
      "more than its window",
      ErrorCode.FLOW_CONTROL_ERROR,
      [settingsFrame([]), open(1), data(1, 400_001)],
    ],
    [
      "CONTINUATION without end",
      ErrorCode.ENHANCE_YOUR_CALM,
      [settingsFrame([]), open(1, 0), ...Array.from({ length: 70 }, () => frame(9, 0, 1, NOTHING))],
    ],
  ])("%s", (_name, code, bytes) => {
    const { say, socket, closed, failures, connection } = setUp();
    expect(goawayOf(say(PREFACE, ...bytes))).toBe(code);
    expect([socket.ended, connection.streams.size, failures]).toEqual([true, 0, []]);
    socket.destroy();
    expect(closed()).toBe(1);
  });

  it("another protocol", () => {
    const { say, socket } = setUp();
    expect(goawayOf(say(Buffer.from("GET / HTTP/1.1\r\n\r\n")))).toBe(ErrorCode.PROTOCOL_ERROR);
    expect(socket.ended).toBe(true);
  });

  it.each<[string, (id: number) => Uint8Array[]]>([
    ["resets", (id) => [open(id), reset(id)]],
    ["PINGs", () => [frame(Frame.PING, 0, 0, Buffer.alloc(8))]],
    ["SETTINGS", () => [settingsFrame([])]],
    ["empty DATA", (id) => (id === 1 ? [open(1)] : [data(1, 0)])],
    ["PRIORITY", () => Array.from({ length: 12 }, () => frame(2, 0, 1, Buffer.alloc(5)))],
    ["malformed requests", (id) => [open(id, 5, request({ te: "x" }))]],
  ])("a flood of %s; spread over time they are put up with", (_name, once) => {
    const fast = setUp();
    fast.say(greeting);
    let code: number | undefined;
    for (let id = 1; id < 40_000 && code === undefined; id += 2)
      code = goawayOf(fast.say(...once(id)));
    expect(code).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    const slow = setUp();
    slow.say(greeting);
    for (let id = 1; id < 4_000; id += 2) {
      expect(goawayOf(slow.say(...once(id)))).toBeUndefined();
      slow.wait(101);
    }
  });
});

describe("a client that measures the round trip", () => {
  it("may send a PING for every answer, for as long as it likes", () => {
    const { say } = setUp((call) => call.stream.answer(HEAD, Buffer.alloc(1), TAIL));
    say(greeting);
    for (let id = 1; id < 10_001; id += 2) {
      const heard = say(open(id, 5), frame(Frame.PING, 0, 0, Buffer.alloc(8)));
      expect(goawayOf(heard)).toBeUndefined();
    }
  });
});

describe("what is begun and not ended", () => {
  it.each<[string, Uint8Array]>([
    ["a header block", open(1, 0, request().subarray(0, 9))],
    ["a frame", open(1).subarray(0, 12)],
    ["the head of a frame", open(1).subarray(0, 4)],
  ])("%s costs the connection after 10 s", (_name, beginning) => {
    vi.useFakeTimers();
    const { say, wait, socket, refusals } = setUp();
    say(greeting, open(7));
    say(beginning.subarray(0, 3));
    say(beginning.subarray(3));
    wait(9_999);
    vi.advanceTimersByTime(10_000);
    expect(socket.ended).toBe(false);
    wait(1);
    vi.advanceTimersByTime(1);
    expect([socket.ended, refusals]).toEqual([
      true,
      ["a frame or a header block that does not end"],
    ]);
    expect(goawayOf(socket.heard())).toBe(ErrorCode.ENHANCE_YOUR_CALM);
    vi.useRealTimers();
  });

  it("costs nothing while the client gets on with it", () => {
    vi.useFakeTimers();
    const { say, wait, socket, calls } = setUp();
    say(greeting);
    // Each chunk leaves a frame unfinished, but each time another one.
    const bytes = Buffer.concat(Array.from({ length: 40 }, (_, i) => numberFrame(8, 0, 1 + i)));
    say(bytes.subarray(0, 1));
    for (let at = 1; at < bytes.length; at += 13) {
      say(bytes.subarray(at, at + 13));
      wait(1_000);
      vi.advanceTimersByTime(1_000);
    }
    say(open(1));
    expect([socket.ended, calls.length]).toEqual([false, 1]);
    vi.useRealTimers();
  });
});

describe("headers of open streams", () => {
  it("beyond 16 KiB of a request, or 4 MiB of a connection, are refused, until some have gone", () => {
    const peer = setUp(undefined, { maxConcurrentStreams: 1_000 });
    peer.say(greeting);
    const long = (id: number, bytes: number) =>
      open(id, 4, request({ "x-long": `${id}`.padEnd(bytes, "x") }));
    expect(resetsOf(peer.say(long(1, 17_000)))).toEqual([[1, ErrorCode.PROTOCOL_ERROR]]);
    let id = 3;
    let refused: number[][] = [];
    while (refused.length === 0 && id < 1_000) {
      refused = resetsOf(peer.say(long(id, 16_000)));
      id += 2;
    }
    expect(refused).toEqual([[id - 2, ErrorCode.REFUSED_STREAM]]);
    expect(peer.calls.length).toBeGreaterThan(200);
    expect(peer.calls.length).toBeLessThan(270);
    expect(resetsOf(peer.say(reset(3), long(id, 16_000)))).toEqual([]);
  });
});

describe("what costs a client a stream only", () => {
  it.each<[string, number, Uint8Array[]]>([
    [
      "more than the stream's window",
      ErrorCode.FLOW_CONTROL_ERROR,
      [open(1), data(1, WINDOW_BYTES + 1)],
    ],
    ["DATA after its end", ErrorCode.STREAM_CLOSED, [open(1, 5), data(1, 1)]],
    ["trailers that do not end it", ErrorCode.PROTOCOL_ERROR, [open(1), open(1)]],
    ["WINDOW_UPDATE of 0", ErrorCode.PROTOCOL_ERROR, [open(1), numberFrame(8, 1, 0)]],
    [
      "a window that overflows",
      ErrorCode.FLOW_CONTROL_ERROR,
      [open(1), numberFrame(8, 1, 2 ** 31 - 1)],
    ],
  ])("%s", (_name, code, bytes) => {
    const { say, calls } = setUp();
    say(greeting);
    expect(resetsOf(say(...bytes))).toEqual([[1, code]]);
    expect(calls[0]?.closes).toBe(1);
    // What is still on its way is ignored.
    expect(say(data(1, 10), open(3)).filter(({ type }) => type !== Frame.WINDOW_UPDATE)).toEqual(
      [],
    );
    expect(calls.length).toBe(2);
  });

  it("an owner that throws", () => {
    const { say, calls, failures } = setUp((call) => {
      call.chunk = () => {
        throw new Error("out of luck");
      };
    });
    expect(resetsOf(say(greeting, open(1), data(1, 10)))).toEqual([[1, ErrorCode.INTERNAL_ERROR]]);
    expect([failures.length, calls[0]?.closes]).toEqual([1, 1]);
  });
});

describe("the window of a stream", () => {
  const updates = (heard: Heard[]) =>
    heard.filter(({ type, streamId }) => type === Frame.WINDOW_UPDATE && streamId !== 0).length;

  it("is given back as its bytes are taken", () => {
    const { say } = setUp();
    say(greeting, open(1));
    let given = 0;
    for (let i = 0; i < 30; i++) given += updates(say(data(1, 20_000)));
    expect(given).toBe(10);
  });

  it("is kept while the owner waits, and given back when it reads on", () => {
    const { say, calls, socket } = setUp((call) => {
      call.take = false;
    });
    say(greeting, open(1));
    expect(updates(say(data(1, 50_000), data(1, 50_000)))).toBe(0);
    calls[0]?.stream.readOn();
    socket.emit("drain");
    expect(updates(socket.heard())).toBe(1);
  });
});

describe("an answer", () => {
  it("leaves in one piece, and the stream is gone", () => {
    const { say, calls } = setUp((call) => {
      call.inputEnd = () => call.stream.answer(HEAD, Buffer.alloc(10), TAIL);
    });
    const heard = say(greeting, open(1), data(1, 10, 1)).filter(({ streamId }) => streamId === 1);
    expect(heard.map(({ type, flags }) => [type, flags])).toEqual([
      [1, 4],
      [0, 0],
      [1, 5],
    ]);
    expect(calls[0]?.closes).toBe(1);
  });

  it("waits for the client's windows, streams in turn", () => {
    const { say, calls } = setUp((call) => call.stream.answer(HEAD, Buffer.alloc(50_000), TAIL));
    const sent = new Map<number, number>();
    const note = (heard: Heard[]) => {
      for (const { type, streamId, payload } of heard) {
        if (type === Frame.DATA) sent.set(streamId, (sent.get(streamId) ?? 0) + payload.length);
      }
    };
    note(say(PREFACE, settingsFrame([[4, 10]]), open(1, 5), open(3, 5)));
    expect([...sent]).toEqual([
      [1, 10],
      [3, 10],
    ]);
    note(say(settingsFrame([[4, 40_000]])));
    expect([sent.get(1), sent.get(3)]).toEqual([40_000, 25_535]);
    note(say(numberFrame(8, 1, 10_000), numberFrame(8, 3, 10_000), numberFrame(8, 0, 100_000)));
    expect([sent.get(1), sent.get(3)]).toEqual([50_000, 50_000]);
    expect(calls.map(({ closes }) => closes)).toEqual([1, 1]);
  });

  it("to a client that still sends ends with a reset without an error", () => {
    const { say } = setUp((call) => call.stream.respond(HEAD, true));
    expect(resetsOf(say(greeting, open(1)))).toEqual([[1, ErrorCode.NO_ERROR]]);
  });

  it("that is reset leaves nothing behind", () => {
    const { say, calls } = setUp((call) => call.stream.answer(HEAD, Buffer.alloc(90_000), TAIL));
    say(greeting, open(1, 5), reset(1));
    expect([calls[0]?.closes, calls[0]?.stream.queuedBytes]).toEqual([1, 0]);
    expect(say(numberFrame(8, 0, 100_000))).toEqual([]);
  });

  it("waits while the socket is full, and says when there is room again", () => {
    const { say, calls, socket } = setUp();
    say(greeting, numberFrame(8, 0, 10_000_000), settingsFrame([[4, 1_000_000]]), open(1, 5));
    socket.writableLength = 1_000_000;
    expect(calls[0]?.stream.write(Buffer.alloc(100_000))).toBe(false);
    expect(calls[0]?.drains).toBe(0);
    socket.writableLength = 0;
    socket.emit("drain");
    expect([calls[0]?.drains, calls[0]?.stream.queuedBytes]).toEqual([1, 0]);
  });

  it("follows a smaller table of the client with its size", () => {
    const { say } = setUp((call) => call.stream.answer(HEAD, Buffer.alloc(1), TAIL));
    const heard = say(PREFACE, settingsFrame([[1, 0]]), open(1, 5));
    expect(heard.find(({ type }) => type === Frame.HEADERS)?.payload[0]).toBe(0x20);
  });
});

describe("a server that wants a client to leave", () => {
  it("takes what is on its way, names the last stream, and hangs up after it", () => {
    const { say, calls, connection, socket } = setUp();
    say(greeting, open(1));
    connection.leave();
    connection.sender.flush();
    const heard = socket.heard();
    expect(heard.find(({ type }) => type === Frame.GOAWAY)?.payload.readUInt32BE(0)).toBe(
      2 ** 31 - 1,
    );
    const ping = heard.find(({ type }) => type === Frame.PING)?.payload ?? NOTHING;
    const last = say(open(3), frame(Frame.PING, 1, 0, ping));
    expect(last.find(({ type }) => type === Frame.GOAWAY)?.payload.readUInt32BE(0)).toBe(3);
    say(open(5));
    expect([calls.length, socket.ended]).toEqual([2, false]);
    for (const { stream } of calls) stream.respond(HEAD, true);
    expect(socket.ended).toBe(true);
    socket.destroy();
  });
});

describe("after a client was asked to leave", () => {
  it("its last answer is waited for while it is being read, and no longer than 30 s", () => {
    vi.useFakeTimers();
    const leaving = () => {
      const peer = setUp();
      peer.say(greeting, open(1, 5));
      peer.connection.leave();
      vi.advanceTimersByTime(1_000);
      peer.socket.writableLength = 200_000;
      peer.calls[0]?.stream.answer(HEAD, Buffer.alloc(1_000), TAIL);
      expect([peer.socket.ended, peer.socket.destroyed]).toEqual([true, false]);
      return peer.socket;
    };
    const reads = leaving();
    vi.advanceTimersByTime(20_000);
    expect(reads.destroyed).toBe(false);
    reads.writableLength = 0;
    vi.advanceTimersByTime(1_000);
    expect(reads.destroyed).toBe(true);
    const stalls = leaving();
    vi.advanceTimersByTime(32_000);
    expect(stalls.destroyed).toBe(true);
    vi.useRealTimers();
  });

  it("the last stream it was told of never rises", () => {
    vi.useFakeTimers();
    const { say, connection, socket } = setUp();
    say(greeting, open(1));
    connection.leave();
    vi.advanceTimersByTime(1_000);
    say(open(3), open(5));
    connection.cut();
    const last = socket.heard().find(({ type }) => type === Frame.GOAWAY);
    expect(last?.payload.readUInt32BE(0)).toBe(1);
    vi.useRealTimers();
  });
});

describe("ten thousand broken conversations", () => {
  it("throw nothing, hang nothing and leave nothing open", () => {
    let seed = 12_345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const good = Buffer.concat([
      settingsFrame([
        [4, 70_000],
        [5, 20_000],
      ]),
      open(1),
      data(1, 30),
      frame(Frame.PING, 0, 0, Buffer.alloc(8)),
      open(3, 0, request().subarray(0, 9)),
      frame(Frame.CONTINUATION, 4, 3, request().subarray(9)),
      numberFrame(Frame.WINDOW_UPDATE, 1, 1_000),
      data(1, Buffer.from([2, 9, 9, 0, 0]), 9),
      data(3, 100, 1),
      open(
        5,
        5,
        Buffer.concat([
          request(),
          Buffer.from("4088 25a8 49e9 5ba9 7d7f".replaceAll(" ", ""), "hex"),
          Buffer.from([1, 0x61]),
        ]),
      ),
      reset(3),
      frame(Frame.GOAWAY, 0, 0, Buffer.alloc(8)),
    ]);
    let served = 0;
    for (let round = 0; round < 10_000; round++) {
      const bytes = Buffer.from(good);
      for (let count = 1 + random(6); count > 0; count--) {
        const at = random(bytes.length);
        const kind = random(3);
        if (kind === 0) bytes[at] = random(256);
        else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        else bytes.copyWithin(at, random(bytes.length));
      }
      const peer = setUp((call) => {
        served++;
        call.inputEnd = () => call.stream.answer(HEAD, Buffer.alloc(random(200)), TAIL);
        call.take = random(4) > 0;
      });
      peer.say(PREFACE);
      for (let at = 0; at < bytes.length; ) {
        const cut = 1 + random(bytes.length);
        peer.say(bytes.subarray(at, at + cut));
        at += cut;
      }
      peer.socket.destroy();
      expect(peer.failures).toEqual([]);
      expect(peer.calls.every(({ closes }) => closes === 1)).toBe(true);
      expect([peer.connection.streams.size, peer.closed()]).toEqual([0, 1]);
    }
    expect(served).toBeGreaterThan(5_000);
  }, 180_000);
});
