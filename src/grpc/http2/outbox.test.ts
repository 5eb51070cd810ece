import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { Outbox } from "./outbox.ts";

/** Keeps what it is given as it is, as a socket that is behind does. */
class FakeSocket {
  writable = true;
  writableLength = 0;
  readonly written: Buffer[] = [];
  write(bytes: Buffer): boolean {
    this.written.push(bytes);
    return true;
  }
  cork(): void {}
  uncork(): void {}
}

function outbox(reuses: boolean) {
  const socket = new FakeSocket();
  const box = new Outbox(socket as unknown as Socket, reuses);
  return {
    socket,
    send(text: string): Buffer | undefined {
      box.copy(Buffer.from(text));
      box.flush();
      return socket.written.at(-1);
    },
  };
}

describe("an outbox", () => {
  it("leaves what the socket still has as it is", () => {
    const { socket, send } = outbox(true);
    const first = send("first");
    socket.writableLength = 5;
    const second = send("second");
    const third = send("third");
    expect([second, third].map(String)).toEqual(["second", "third"]);
    // The socket had taken the first, and nothing since.
    expect(second?.byteOffset).toBe(first?.byteOffset);
    expect(third?.byteOffset).not.toBe(second?.byteOffset);
  });

  it("writes into the same memory again only where it may", () => {
    const { send } = outbox(false);
    const [first, second] = [send("first"), send("second")];
    expect([first, second].map(String)).toEqual(["first", "second"]);
  });
});
