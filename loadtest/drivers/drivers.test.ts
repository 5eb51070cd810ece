import { afterEach, describe, expect, it } from "vitest";
import { onePiece } from "../../src/inference/pieces.ts";
import type { ClientRequest, Driver, DriverEvents, DriverOptions } from "./driver.ts";
import { GrpcStreamDriver } from "./grpc-stream.ts";
import { GrpcUnaryDriver } from "./grpc-unary.ts";
import { startNullServer } from "./null-server/null-server.ts";
import { parseLaw } from "./null-server/service-law.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function request(rows: number): ClientRequest {
  return {
    model: "null",
    version: "",
    id: "",
    parameters: undefined,
    inputs: [
      {
        name: "input",
        datatype: "FP32",
        shape: [rows, 16],
        parameters: undefined,
        data: onePiece(Buffer.alloc(rows * 64, 7)),
      },
    ],
    outputs: [],
  };
}

const DRIVERS = { GrpcUnaryDriver, GrpcStreamDriver };

async function opened(
  name: keyof typeof DRIVERS,
  law: string,
  changes: Partial<DriverOptions> = {},
): Promise<{
  driver: Driver;
  answered: { token: number; error: string | undefined; scores: number[] }[];
}> {
  const server = await startNullServer({ law: parseLaw(law) });
  const answered: { token: number; error: string | undefined; scores: number[] }[] = [];
  const events: DriverEvents = {
    answered(token, _bytes, error, answer) {
      const outputs = answer === undefined ? [] : driver.read(answer).outputs;
      const scores = outputs.map(({ data }) => Buffer.from(data.pieces[0] ?? []).readFloatLE(0));
      answered.push({ token, error, scores });
    },
    room: () => undefined,
  };
  const driver: Driver = new DRIVERS[name](
    {
      address: { host: "127.0.0.1", port: server.port },
      connections: 2,
      identities: [[]],
      perConnection: Number.POSITIVE_INFINITY,
      keepAnswers: true,
      ...changes,
    },
    events,
  );
  closers.push(
    () => server.close(),
    () => driver.close(),
  );
  await driver.open();
  return { driver, answered };
}

async function until(claim: () => boolean): Promise<void> {
  for (let waited = 0; !claim(); waited += 5) {
    if (waited > 30_000) throw new Error("it did not come to that within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(["GrpcUnaryDriver", "GrpcStreamDriver"] as const)("%s", (name) => {
  it("hands each answer to the request it belongs to", async () => {
    const { driver, answered } = await opened(name, "exponential:5");
    const prepared = driver.prepare(request(1));
    const tokens = Array.from({ length: 500 }, (_, token) => token);
    for (const token of tokens) expect(driver.send(prepared, token, 0)).toBe(true);
    driver.flush();
    await until(() => answered.length === 500);
    expect(answered.map(({ token }) => token).sort((a, b) => a - b)).toEqual(tokens);
    expect(new Set(answered.map(({ scores }) => scores.join()))).toEqual(new Set(["0.5"]));
    // An exponential law: they do not come in the order of asking.
    expect(answered.some(({ token }, at) => token < (answered[at - 1]?.token ?? 0))).toBe(true);
  });

  it("sends requests larger than any window or frame", async () => {
    const { driver, answered } = await opened(name, "none");
    const prepared = driver.prepare(request(20_000));
    for (const token of [1, 2, 3]) driver.send(prepared, token, 0);
    driver.flush();
    await until(() => answered.length === 3);
    expect(answered.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
  });

  it("takes no more on a connection than it was told", async () => {
    const { driver } = await opened(name, "fixed:1000", { perConnection: 3 });
    const prepared = driver.prepare(request(1));
    const taken = Array.from({ length: 8 }, (_, token) => driver.send(prepared, token, 0));
    expect(taken).toEqual([true, true, true, true, true, true, false, false]);
  });

  it("tells of requests whose connection is lost", async () => {
    const { driver, answered } = await opened(name, "fixed:1000");
    const prepared = driver.prepare(request(1));
    driver.send(prepared, 7, 0);
    driver.flush();
    await new Promise((resolve) => setTimeout(resolve, 50));
    closers.shift()?.(); // the server
    await until(() => answered.length === 1);
    expect(answered[0]).toMatchObject({
      token: 7,
      error: expect.stringContaining("connection closed"),
    });
  });

  it("says where nobody listens", async () => {
    const driver = new DRIVERS[name](
      {
        address: { host: "127.0.0.1", port: 1 },
        connections: 1,
        identities: [[]],
        perConnection: 1,
        keepAnswers: false,
      },
      { answered: () => undefined, room: () => undefined },
    );
    await expect(driver.open()).rejects.toThrow(/127\.0\.0\.1:1: .*ECONNREFUSED/);
  });
});
