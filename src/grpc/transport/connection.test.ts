import { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { silent } from "../../logger.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { DEFAULT_KEEPALIVE } from "./options.ts";

class Session extends EventEmitter {
  readonly socket = { remoteAddress: "10.0.0.1", remotePort: 4711 };
  readonly goaways: string[] = [];
  readonly pongs: (() => void)[] = [];
  closed = false;
  destroyed = false;

  goaway(_code: number, _last: number, data: Buffer): void {
    this.goaways.push(data.toString());
  }

  ping(pong: () => void): boolean {
    this.pongs.push(pong);
    return true;
  }

  close(): void {
    this.closed = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

function setUp(overrides: Partial<ConnectionOptions> = {}) {
  const clock = new VirtualClock();
  const session = new Session();
  const connection = new Connection(session as unknown as ServerHttp2Session, {
    keepalive: DEFAULT_KEEPALIVE,
    maxConnectionAgeMs: 0,
    maxConnectionAgeGraceMs: 0,
    clock,
    log: silent,
    ...overrides,
  });
  return { clock, session, connection };
}

describe("PINGs of a client", () => {
  it("too early, three times, cost it the connection", async () => {
    const { clock, session, connection } = setUp();
    connection.openCalls = 1;
    for (let i = 0; i < 3; i++) {
      await clock.advance(10_000);
      session.emit("ping");
    }
    expect(session.destroyed).toBe(false);
    session.emit("ping");
    expect([session.destroyed, session.goaways]).toEqual([true, ["too_many_pings"]]);
  });

  it("are welcome at the agreed interval, and between answers", async () => {
    const { clock, session, connection } = setUp();
    connection.openCalls = 1;
    for (let i = 0; i < 10; i++) {
      await clock.advance(300_000);
      session.emit("ping");
      connection.answers++;
      session.emit("ping");
    }
    expect(session.destroyed).toBe(false);
  });
});

describe("keepalive", () => {
  const keepalive = {
    ...DEFAULT_KEEPALIVE,
    timeMs: 1_000,
    timeoutMs: 200,
    permitWithoutCalls: true,
  };

  it("cuts a peer that does not answer in time", async () => {
    const { clock, session } = setUp({ keepalive });
    await clock.advance(1_000);
    expect(session.pongs.length).toBe(1);
    await clock.advance(199);
    expect(session.destroyed).toBe(false);
    await clock.advance(1);
    expect(session.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("leaves one that answers alone, and stops asking while nothing is sent", async () => {
    const { clock, session, connection } = setUp({ keepalive });
    for (let i = 0; i < 5; i++) {
      await clock.advance(1_000);
      session.pongs.at(-1)?.();
    }
    expect([session.destroyed, session.pongs.length]).toEqual([false, 2]);
    connection.answers++;
    await clock.advance(1_000);
    expect(session.pongs.length).toBe(3);
  });

  it("does not ask an idle peer unless that is permitted", async () => {
    const { clock, session, connection } = setUp({
      keepalive: { ...keepalive, permitWithoutCalls: false },
    });
    await clock.advance(3_000);
    expect(session.pongs.length).toBe(0);
    connection.openCalls = 1;
    await clock.advance(1_000);
    expect(session.pongs.length).toBe(1);
  });
});

describe("the age of a connection", () => {
  it("asks it to leave, and cuts it after the grace", async () => {
    const { clock, session } = setUp({ maxConnectionAgeMs: 10_000, maxConnectionAgeGraceMs: 500 });
    await clock.advance(8_999);
    expect(session.closed).toBe(false);
    await clock.advance(2_600);
    expect([session.closed, session.destroyed]).toEqual([true, true]);
  });
});

describe("tiny fragments of messages", () => {
  const send = (connection: Connection, count: number) => {
    for (let i = 0; i < count; i++) connection.received(1, true);
  };

  it("are forgiven up to a number, then cost the connection", () => {
    const { session, connection } = setUp();
    send(connection, 1_000);
    expect(session.destroyed).toBe(false);
    send(connection, 2);
    expect(session.goaways).toEqual(["too many tiny DATA frames"]);
  });

  it("are forgiven beside many messages or many bytes", () => {
    const { session, connection } = setUp();
    connection.messages = 1_000;
    send(connection, 8_000);
    connection.received(1024 * 1024 * 1024, false);
    send(connection, 500_000);
    expect(session.destroyed).toBe(false);
  });
});
