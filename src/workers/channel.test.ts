import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Channel } from "./channel.ts";
import { HEADER_BYTES, newFrame } from "./frames.ts";

/** A pair of connected sockets: a channel assumes no more than a stream. */
let near: Socket;
let far: Socket;
beforeEach(async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  near = connect(address.port, "127.0.0.1");
  [far] = (await once(server, "connection")) as [Socket];
  server.close();
});
afterEach(() => {
  near.destroy();
  far.destroy();
});

describe("a channel", () => {
  it("carries 200 MB in one frame without joining it anywhere on the way", async () => {
    const piece = Buffer.alloc(50_000_000, 7);
    const received = new Promise<Buffer>((resolve) => {
      new Channel(
        far,
        (_type, _meta, payload) => resolve(payload),
        () => {},
      );
    });
    const channel = new Channel(
      near,
      () => {},
      () => {},
    );
    channel.send(newFrame(1, 0, 4 * piece.length), [piece, piece, piece, piece]);
    expect(channel.backlogBytes).toBeGreaterThan(100_000_000);
    await channel.drained();
    expect(channel.backlogBytes).toBe(0);
    const payload = await received;
    expect(payload.length).toBe(4 * piece.length);
    expect(payload.subarray(-piece.length).equals(piece)).toBe(true);
  });

  it("tells once that the other side hung up, and takes what is sent afterwards in silence", async () => {
    const errors: (Error | undefined)[] = [];
    const channel = new Channel(
      near,
      () => {},
      (error) => errors.push(error),
    );
    far.end();
    await once(near, "close");
    channel.send(newFrame(1, 0, 0));
    channel.close();
    expect(errors).toEqual([undefined]);
    await channel.drained();
  });

  it("tells that the other side hung up in the middle of a frame", async () => {
    const closed = new Promise<Error | undefined>((resolve) => {
      new Channel(near, () => {}, resolve);
    });
    far.end(newFrame(1, 10, 0).subarray(0, HEADER_BYTES));
    expect((await closed)?.message).toContain("middle of a frame");
  });

  it("hangs up on bytes that are no frames", async () => {
    const closed = new Promise<Error | undefined>((resolve) => {
      new Channel(near, () => {}, resolve);
    });
    far.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect((await closed)?.message).toContain("not a frame");
  });
});
