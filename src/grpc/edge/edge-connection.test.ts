import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { ErrorCode, type RequestHeaders } from "../http2/protocol.ts";
import { EdgeConnection } from "./edge-connection.ts";
import { Line } from "./line.ts";
import { Asked, DEFINES, FLAG, headersBytes, Told } from "./words.ts";

/** The gateway's end of the line, of which the other one is in the hands of the test. */
class FakeSocket extends EventEmitter {
  writable = true;
  writableLength = 0;
  readonly written: Buffer[] = [];

  write(bytes: Buffer): boolean {
    this.written.push(Buffer.from(bytes));
    return true;
  }
  cork(): void {}
  uncork(): void {}
}

function connection() {
  const socket = new FakeSocket();
  let now = 0;
  const line = new Line(socket as unknown as Socket, { frame() {}, closed() {} }, () => now);
  const heard: string[] = [];
  const link = new EdgeConnection(7, line, 1 << 20, {
    request: (stream) => heard.push(`request ${stream.id}`),
    pinged: () => heard.push("pinged"),
    refused: (reason) => heard.push(`refused: ${reason}`),
    failed: (error) => heard.push(String(error)),
    closed: () => heard.push("closed"),
  });
  const headers: RequestHeaders = { ":path": "/a.B/C" };
  return {
    link,
    heard,
    /** A chunk comes on the line. */
    comes(atMs: number): void {
      now = atMs;
      socket.emit("data", Buffer.alloc(1));
      now = Number.NaN;
    },
    asks(stream: number): void {
      const payload = Buffer.concat([Buffer.from([0]), headersBytes(headers)]);
      link.told(Told.REQUEST, FLAG | DEFINES, stream, payload, 0, payload.length);
    },
    /** Types of what the edge was told since the last time. */
    async said(): Promise<number[]> {
      await turn();
      const bytes = Buffer.concat(socket.written.splice(0));
      const types: number[] = [];
      for (let at = 0; at < bytes.length; at += 13 + bytes.readUIntBE(at, 3)) {
        types.push(bytes[at + 3] ?? 0);
      }
      return types;
    },
  };
}

describe("a client's connection at an edge that is refused", () => {
  it("asks for nothing more, whatever was on its way", async () => {
    const { link, heard, asks, said } = connection();
    asks(1);
    link.refuse(ErrorCode.ENHANCE_YOUR_CALM, "too many");
    asks(3);
    link.told(Told.PINGED, 0, 0, Buffer.alloc(0), 0, 0);
    link.refuse(ErrorCode.ENHANCE_YOUR_CALM, "too many");
    expect(heard).toEqual(["request 1", "refused: too many"]);
    expect(await said()).toEqual([Asked.REFUSE]);
  });

  it("is closed when its edge says so", () => {
    const { link, heard } = connection();
    link.refuse(ErrorCode.ENHANCE_YOUR_CALM, "too many");
    link.gone();
    expect(heard).toEqual(["refused: too many", "closed"]);
    expect(link.closed).toBe(true);
  });
});

it("was read when its edge's line was", () => {
  const { link, comes } = connection();
  for (const atMs of [5, 8]) {
    comes(atMs);
    expect(link.readAt).toBe(atMs);
  }
});
