import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { silent } from "../../logger.ts";
import { frame, settingsFrame } from "../http2/frames.ts";
import { encodeHeaders } from "../http2/hpack-encoder.ts";
import { Flag, Frame, PREFACE } from "../http2/protocol.ts";
import { ClientEnd } from "./client-end.ts";
import { Line } from "./line.ts";
import { DEFINES, FLAG, readHeaders, Told } from "./words.ts";

/** A socket of which the other end is in the hands of the test. */
class FakeSocket extends EventEmitter {
  writable = true;
  writableLength = 0;
  paused = false;
  readonly written: Buffer[] = [];

  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return true;
  }
  setNoDelay(): void {}
  cork(): void {}
  uncork(): void {}
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  isPaused(): boolean {
    return this.paused;
  }
  end(): void {}
  destroy(): void {
    this.emit("close");
  }
}

interface Said {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const HEADERS = { ":method": "POST", ":scheme": "http", ":path": "/a.B/C" } as const;
const BLOCK = encodeHeaders(HEADERS);
const head = (stream: number, flags = 0) =>
  frame(Frame.HEADERS, Flag.END_HEADERS | flags, stream, BLOCK);
const data = (stream: number, text: string, flags: number = Flag.END_STREAM) =>
  frame(Frame.DATA, flags, stream, Buffer.from(text));
const PING = frame(Frame.PING, 0, 0, Buffer.from("12345678"));
const CANCEL = Buffer.from([0, 0, 0, 8]);

function edge() {
  const client = new FakeSocket();
  const gateway = new FakeSocket();
  const line = new Line(gateway as unknown as Socket, { frame() {}, closed() {} });
  const settings = {
    ...{ names: [], asks: false, receiveWindowBytes: 1 << 20, streamWindowBytes: 1 << 20 },
    ...{ maxFrameBytes: 1 << 20, maxConcurrentStreams: 1000 },
  };
  const watch = { busy() {}, heard() {}, closed() {} };
  const end = new ClientEnd(7, client as unknown as Socket, line, settings, silent, watch);
  client.emit("data", Buffer.concat([PREFACE, settingsFrame([])]));
  return {
    client,
    end,
    /** In one read. @returns what the gateway hears of it, and in how many pieces */
    async says(...frames: readonly Buffer[]): Promise<{ said: Said[]; writes: number }> {
      client.emit("data", Buffer.concat(frames));
      await turn();
      const written = gateway.written.splice(0);
      return { said: saidIn(Buffer.concat(written)), writes: written.length };
    },
  };
}

function saidIn(bytes: Buffer): Said[] {
  const said: Said[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at + 13;
    const end = start + bytes.readUIntBE(at, 3);
    expect(bytes.readUInt32BE(at + 9)).toBe(7);
    said.push({
      type: bytes[at + 3] ?? 0,
      flags: bytes[at + 4] ?? 0,
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(start, end),
    });
    at = end;
  }
  return said;
}

/** Behind the slot of headers that are known. */
const bodyOf = ({ payload }: Said) => payload.toString("utf8", 1);
const brief = (said: readonly Said[]) => said.map(({ type, stream }) => [type, stream]);

describe("a client's end at an edge", () => {
  it("tells a whole request in one frame, its headers in full the first time", async () => {
    const { says } = edge();
    const first = (await says(head(1), data(1, "one"))).said;
    expect(first.map(({ type, flags }) => [type, flags])).toEqual([[Told.REQUEST, FLAG | DEFINES]]);
    const payload = first[0]?.payload ?? Buffer.alloc(0);
    const bodyAt = 5 + payload.readUInt32BE(1);
    expect(readHeaders(payload, 5, bodyAt)).toEqual(HEADERS);
    expect(payload.toString("utf8", bodyAt)).toBe("one");
    const [second] = (await says(head(3), data(3, "two"))).said;
    expect(second).toMatchObject({ type: Told.REQUEST, flags: FLAG, stream: 3 });
    expect(second?.payload[0]).toBe(payload[0]);
    expect(second && bodyOf(second)).toBe("two");
  });

  it("tells all requests of a read in one write", async () => {
    const { says } = edge();
    await says(head(1), data(1, "x".repeat(1_000)));
    const streams = Array.from({ length: 100 }, (_, n) => 2 * n + 3);
    const { said, writes } = await says(...streams.flatMap((id) => [head(id), data(id, `b${id}`)]));
    expect(brief(said)).toEqual(streams.map((id) => [Told.REQUEST, id]));
    expect(writes).toBe(1);
  });

  it("does not keep a long read to its end", async () => {
    const { says } = edge();
    const streams = Array.from({ length: 100 }, (_, n) => 2 * n + 1);
    const body = "x".repeat(1_000);
    const { said, writes } = await says(...streams.flatMap((id) => [head(id), data(id, body)]));
    expect(brief(said)).toEqual(streams.map((id) => [Told.REQUEST, id]));
    expect(writes).toBeGreaterThan(3);
  });

  it("waits for bodies that come behind the headers of other calls", async () => {
    const { says } = edge();
    const { said } = await says(head(1), head(3), data(1, "one"), data(3, "two"));
    expect(brief(said)).toEqual([
      [Told.REQUEST, 1],
      [Told.REQUEST, 3],
    ]);
    expect(said.map(({ flags }) => flags & FLAG)).toEqual([FLAG, FLAG]);
    expect(said[1] && bodyOf(said[1])).toBe("two");
  });

  it("tells headers alone where nothing else came with them, and the rest as it comes", async () => {
    const { says } = edge();
    const [begun] = (await says(head(1))).said;
    expect(begun).toMatchObject({ type: Told.REQUEST, flags: DEFINES, stream: 1 });
    expect(brief((await says(data(1, "a", 0), data(1, "b"))).said)).toEqual([
      [Told.DATA, 1],
      [Told.DATA, 1],
      [Told.END, 1],
    ]);
  });

  it("tells what came of a body in several pieces in order", async () => {
    const { says } = edge();
    await says(head(1), data(1, ""));
    const { said } = await says(head(3), data(3, "a", 0), data(3, "b", 0), data(3, "c"));
    expect(brief(said)).toEqual([
      [Told.REQUEST, 3],
      [Told.DATA, 3],
      [Told.DATA, 3],
      [Told.END, 3],
    ]);
    expect(said[0] && bodyOf(said[0])).toBe("a");
    expect(said.slice(1).map(({ payload }) => payload.toString())).toEqual(["b", "c", ""]);
    expect(said[0]?.flags).toBe(0);
  });

  it("passes a long body on beside its headers", async () => {
    const { says } = edge();
    const text = "x".repeat(20_000);
    const { said } = await says(head(1), data(1, text));
    expect(brief(said)).toEqual([
      [Told.REQUEST, 1],
      [Told.DATA, 1],
      [Told.END, 1],
    ]);
    expect(said[1]?.payload.toString()).toBe(text);
  });

  it("says that a request has no body", async () => {
    const { says } = edge();
    await says(head(1), data(1, ""));
    const [request] = (await says(head(3, Flag.END_STREAM))).said;
    expect(request).toMatchObject({ type: Told.REQUEST, flags: FLAG, stream: 3 });
    expect(request && bodyOf(request)).toBe("");
  });

  it("tells of calls before a PING that came behind them", async () => {
    const { says } = edge();
    const { said } = await says(head(1), PING, data(1, "one"));
    expect(said.map(({ type }) => type)).toEqual([Told.REQUEST, Told.PINGED, Told.DATA, Told.END]);
  });

  it("does not tell of a request that its client took back in the same read", async () => {
    const { says } = edge();
    const { said } = await says(head(1), frame(Frame.RST_STREAM, 0, 1, CANCEL), head(3));
    expect(brief(said)).toEqual([[Told.REQUEST, 3]]);
    expect(brief((await says(frame(Frame.RST_STREAM, 0, 3, CANCEL))).said)).toEqual([
      [Told.GONE, 3],
    ]);
  });

  it("is not read while the gateway is behind, whatever the client takes meanwhile", () => {
    const { client, end } = edge();
    end.stopReading();
    client.emit("drain");
    expect(client.paused).toBe(true);
    end.readOn();
    expect(client.paused).toBe(false);
    client.pause();
    client.emit("drain");
    expect(client.paused).toBe(false);
  });
});
