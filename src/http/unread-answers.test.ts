import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { UnreadAnswers } from "./unread-answers.ts";

const ends: (() => unknown)[] = [];
// It looks when a test says so, whatever the machine is doing.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] }));
afterEach(() => {
  vi.useRealTimers();
  for (const end of ends.splice(0)) end();
});

/** Two clients of answers of 8 MB, one of which reads. */
async function serve(limitBytes: number) {
  const unread = new UnreadAnswers(limitBytes);
  const waiting = new Set<Socket>();
  const server = createServer((request, response) => {
    waiting.add(request.socket);
    response.end(Buffer.alloc(8 * 2 ** 20));
  });
  unread.attach(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")] as const;
  for (const client of clients) {
    client.on("error", () => {});
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  const [reader, sleeper] = clients;
  let readBytes = 0;
  reader.on("data", (chunk) => {
    readBytes += chunk.length;
  });
  sleeper.pause();
  ends.push(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  await expect.poll(() => waiting.size).toBe(2);
  await expect.poll(() => readBytes).toBeGreaterThan(8 * 2 ** 20);
  // Not the first look: the kernel may still take a little.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const alive = () => [...waiting].filter((socket) => !socket.destroyed).length;
  return { unread, alive, sleeper };
}

it("a client that takes nothing is cut off after its time, the others stay", async () => {
  const { unread, alive } = await serve(2 ** 30);
  for (let look = 0; look < 30; look += 1) unread.look();
  expect(alive()).toBe(2);
  for (let look = 0; look < 2; look += 1) unread.look();
  expect(alive()).toBe(1);
});

it("a client that reads slowly is not cut off", async () => {
  const { unread, alive, sleeper } = await serve(2 ** 30);
  for (let look = 0; look < 40; look += 1) {
    sleeper.read(100_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
    unread.look();
  }
  expect(alive()).toBe(2);
});

it("at once where too much waits", async () => {
  const { unread, alive } = await serve(2 ** 20);
  unread.look();
  expect(alive()).toBe(2);
  unread.look();
  expect(alive()).toBe(1);
});
