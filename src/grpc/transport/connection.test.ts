import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { silent } from "../../logger.ts";
import { Connection, type ConnectionOptions, type Link } from "./connection.ts";
import { DEFAULT_KEEPALIVE } from "./options.ts";

class FakeLink implements Link {
  readonly goaways: string[] = [];
  readonly pongs: (() => void)[] = [];
  readonly stuck = false;
  leaving = false;
  progress = 0;
  readonly readAt = 0;
  closed = false;
  onClosed = () => {};

  refuse(_code: number, reason: string): void {
    this.goaways.push(reason);
    this.cut();
  }

  ping(pong: () => void): void {
    this.pongs.push(pong);
  }

  leave(): void {
    this.leaving = true;
  }

  cut(): void {
    this.closed = true;
    this.onClosed();
  }
}

function setUp(overrides: Partial<ConnectionOptions> = {}) {
  const clock = new VirtualClock();
  const link = new FakeLink();
  const connection = new Connection(link, "10.0.0.1:4711", {
    keepalive: DEFAULT_KEEPALIVE,
    maxConnectionAgeMs: 0,
    maxConnectionAgeGraceMs: 0,
    clock,
    log: silent,
    ...overrides,
  });
  link.onClosed = () => connection.closed();
  return { clock, link, connection };
}

describe("PINGs of a client", () => {
  it("too early, three times, cost it the connection", async () => {
    const { clock, link, connection } = setUp();
    connection.openCalls = 1;
    for (let i = 0; i < 3; i++) {
      await clock.advance(10_000);
      connection.pinged();
    }
    expect(link.closed).toBe(false);
    connection.pinged();
    expect([link.closed, link.goaways]).toEqual([true, ["too_many_pings"]]);
  });

  it("are welcome at the agreed interval, and between answers", async () => {
    const { clock, link, connection } = setUp();
    connection.openCalls = 1;
    for (let i = 0; i < 10; i++) {
      await clock.advance(300_000);
      connection.pinged();
      link.progress++;
      connection.pinged();
    }
    expect(link.closed).toBe(false);
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
    const { clock, link } = setUp({ keepalive });
    await clock.advance(1_000);
    expect(link.pongs.length).toBe(1);
    await clock.advance(199);
    expect(link.closed).toBe(false);
    await clock.advance(1);
    expect(link.closed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("leaves one that answers alone, and stops asking while nothing is sent", async () => {
    const { clock, link, connection } = setUp({ keepalive });
    for (let i = 0; i < 5; i++) {
      await clock.advance(1_000);
      link.pongs.at(-1)?.();
    }
    expect([link.closed, link.pongs.length]).toEqual([false, 2]);
    connection.answers++;
    await clock.advance(1_000);
    expect(link.pongs.length).toBe(3);
  });

  it("does not ask an idle peer unless that is permitted", async () => {
    const { clock, link, connection } = setUp({
      keepalive: { ...keepalive, permitWithoutCalls: false },
    });
    await clock.advance(3_000);
    expect(link.pongs.length).toBe(0);
    connection.openCalls = 1;
    await clock.advance(1_000);
    expect(link.pongs.length).toBe(1);
  });
});

describe("the age of a connection", () => {
  it("asks it to leave, and cuts it after the grace", async () => {
    const { clock, link } = setUp({ maxConnectionAgeMs: 10_000, maxConnectionAgeGraceMs: 500 });
    await clock.advance(8_999);
    expect(link.leaving).toBe(false);
    await clock.advance(2_600);
    expect([link.leaving, link.closed]).toEqual([true, true]);
  });
});

describe("tiny fragments of messages", () => {
  const send = (connection: Connection, count: number) => {
    for (let i = 0; i < count; i++) connection.received(1, true);
  };

  it("are forgiven up to a number, then cost the connection", () => {
    const { link, connection } = setUp();
    send(connection, 1_000);
    expect(link.closed).toBe(false);
    send(connection, 2);
    expect(link.goaways).toEqual(["too many tiny DATA frames"]);
  });

  it("are forgiven beside many messages or many bytes", () => {
    const { link, connection } = setUp();
    connection.messages = 1_000;
    send(connection, 8_000);
    connection.received(1024 * 1024 * 1024, false);
    send(connection, 500_000);
    expect(link.closed).toBe(false);
  });
});
