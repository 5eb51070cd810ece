/**
 * `node --import trace-turns.js`: counts what is sent to Redis, and how much of it in the turn of somebody else's
 * bytes: whatever a socket of a client or of a worker set off, through promises, timers and callbacks. Of a
 * gateway under inference that must be nothing. Told at the end of the process, as JSON, in `REDIS_TURNS_FILE`.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { writeFileSync } from "node:fs";
import { Socket } from "node:net";

export interface RedisTurns {
  /** Events of sockets other than Redis'. */
  readonly turns: number;
  readonly commands: number;
  readonly commandsInTurns: number;
  /** Of the first of these. */
  readonly stack: string;
}

const file = process.env["REDIS_TURNS_FILE"];
const ports = (process.env["REDIS_TURNS_PORTS"] ?? "").split(",");
const seen = { turns: 0, commands: 0, commandsInTurns: 0, stack: "" };
const turn = new AsyncLocalStorage<true>();
const redis = new WeakSet<Socket>();

const { connect, emit, write } = Socket.prototype as unknown as Record<
  "connect" | "emit" | "write",
  (this: Socket, ...args: unknown[]) => unknown
>;

Object.assign(Socket.prototype, {
  connect(this: Socket, ...args: unknown[]) {
    // net.connect hands over its arguments as one array of [options, callback].
    const [first] = args.flat() as [{ readonly port?: unknown } | undefined];
    if (typeof first === "object" && ports.includes(String(first.port))) redis.add(this);
    return connect.apply(this, args);
  },
  emit(this: Socket, ...args: unknown[]) {
    if (redis.has(this) || args[0] !== "data") return emit.apply(this, args);
    seen.turns += 1;
    return turn.run(true, () => emit.apply(this, args));
  },
  write(this: Socket, ...args: unknown[]) {
    if (redis.has(this)) {
      seen.commands += 1;
      if (turn.getStore() === true) {
        seen.commandsInTurns += 1;
        seen.stack ||= new Error("sent here").stack ?? "";
      }
    }
    return write.apply(this, args);
  },
});

// Workers inherit the flag; they know no Redis.
process.on("exit", () => {
  if (file !== undefined && seen.commands > 0) {
    writeFileSync(file, JSON.stringify(seen satisfies RedisTurns));
  }
});
