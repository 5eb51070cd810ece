/**
 * `node turn-control.js PORT`, under trace-turns: sends 3 commands to Redis by a timer, and 2 because a client's
 * bytes came, one of them a while after: what the trace has to find.
 */
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { silent } from "../../../src/logger.ts";
import { Link } from "../../../src/shared-state/link.ts";
import { redisSettings } from "./redis-settings.ts";

const settings = redisSettings({
  url: `redis://127.0.0.1:${process.argv[2]}`,
  commandTimeoutMs: 5_000,
});
const link = new Link({ settings, now: () => performance.now(), log: silent });
await link.open();
for (let i = 0; i < 3; i += 1) {
  await sleep(5);
  await link.publish("control", "timer");
}
const answered = new Promise<void>((resolve) => {
  const server = createServer((socket) => {
    socket.once("data", async () => {
      await link.publish("control", "turn");
      await sleep(5);
      await link.publish("control", "turn, later");
      socket.destroy();
      server.close(() => resolve());
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { readonly port: number };
    const client = connect(port, "127.0.0.1", () => client.write("x"));
    client.on("error", () => undefined);
  });
});
await answered;
link.close();
