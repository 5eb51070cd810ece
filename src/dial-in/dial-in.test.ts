/** Both ends on real sockets; what stands for the far gRPC server answers a line with the same line. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { eventually } from "../../test/support/process-tree.ts";
import { makeCertificates } from "../../test/wire/transport-certificates.ts";
import { type Clock, systemClock } from "../clock.ts";
import { silent } from "../logger.ts";
import { DialIn, type DialInParts } from "./dial-in.ts";
import { Join, type JoinParts } from "./join.ts";
import { nextLine, proofOf, say } from "./words.ts";

const secret = Buffer.from("a secret of two ends");
const LIMIT_MS = 20_000;
const HOUR_MS = 3_600_000;
const certificates = makeCertificates();
afterAll(() => certificates?.remove());

const stopped: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of stopped.splice(0).reverse()) await one.stop();
});

async function gateway(more: Partial<DialInParts> = {}): Promise<DialIn> {
  const parts = { address: "127.0.0.1", port: 0, places: 2, secret, clock: systemClock };
  const dialIn = new DialIn({ ...parts, log: silent, ...more });
  stopped.push(dialIn);
  await dialIn.start();
  return dialIn;
}

/** A far server that says `name` before what it is told. */
async function joining(port: number, name: string, more: Partial<JoinParts> = {}) {
  const said: string[] = [];
  const over: string[] = [];
  const join = new Join({
    gateway: `127.0.0.1:${port}`,
    serverName: name,
    secret,
    leaveMs: 1000,
    serve: (socket) => socket.on("data", (bytes) => socket.write(`${name}:${bytes}`)),
    over: (reason) => over.push(reason),
    clock: systemClock,
    log: { ...silent, warn: (text) => said.push(text) },
    ...more,
  });
  stopped.push(join);
  await join.start();
  return { join, said, over };
}

const stateOf = (dialIn: DialIn, at = 0) => dialIn.places()[at]?.state;
const pathOf = (dialIn: DialIn, at = 0) => dialIn.servers[at]?.split("=unix:")[1] ?? "";

/** What a caller of a place hears; undefined: it was hung up on. */
function ask(path: string, text: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.write(text));
    socket.on("error", () => {}).once("close", () => resolve(undefined));
    socket.once("data", (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
  });
}

describe("a server that dials in", () => {
  it("is called through its place, by many at a time", async () => {
    const dialIn = await gateway();
    await joining(dialIn.port, "job1");
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
    const texts = Array.from({ length: 20 }, (_, at) => `question ${at}`);
    const answers = await Promise.all(texts.map((text) => ask(pathOf(dialIn), text)));
    expect(answers).toEqual(texts.map((text) => `job1:${text}`));
    expect(dialIn.servers[1]).toBe(`dial-in-2=unix:${pathOf(dialIn, 1)}`);
    expect(await ask(pathOf(dialIn, 1), "is anybody there?")).toBeUndefined();
  });

  it("carries megabytes both ways without a change", async () => {
    const dialIn = await gateway();
    await joining(dialIn.port, "job1", { serve: (socket) => socket.pipe(socket) });
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
    const sent = Buffer.alloc(5_000_000, "0123456789abcdef!");
    const socket = connect(pathOf(dialIn));
    socket.write(sent);
    const pieces: Buffer[] = [];
    let length = 0;
    for await (const piece of socket) {
      pieces.push(piece);
      length += piece.length;
      if (length >= sent.length) break;
    }
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
  });

  it.skipIf(certificates === undefined)("does so over TLS", async () => {
    if (certificates === undefined) return;
    const { readFileSync } = await import("node:fs");
    const { serverCertPath, serverKeyPath, root } = certificates;
    const tls = { cert: readFileSync(serverCertPath), key: readFileSync(serverKeyPath) };
    const dialIn = await gateway({ tls });
    const port = `localhost:${dialIn.port}`;
    const { said } = await joining(dialIn.port, "stranger", { gateway: port, tls: {} });
    await eventually(() => said.length > 0, LIMIT_MS);
    expect(said[0]).toMatch(/certificate/);
    await joining(dialIn.port, "job1", { gateway: port, tls: { ca: root } });
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
    expect(await ask(pathOf(dialIn), "hello")).toBe("job1:hello");
  });

  it("gives its place to another when it goes, with every connection", async () => {
    const dialIn = await gateway({ places: 1 });
    const { join } = await joining(dialIn.port, "job1");
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
    const open = connect(pathOf(dialIn));
    open.write("hello");
    await once(open, "data");
    const { said } = await joining(dialIn.port, "job2");
    await eventually(() => said.length > 0, LIMIT_MS);
    expect(said[0]).toContain("all 1 places are taken (dialIn.places)");
    const closed = once(open, "close");
    await join.stop();
    await closed;
    await eventually(() => dialIn.places()[0]?.server === "job2", LIMIT_MS);
    expect(await ask(pathOf(dialIn), "hello")).toBe("job2:hello");
  });

  it("tells how long it stays, leaves before, and takes no new connection then", async () => {
    const dialIn = await gateway();
    let leave = () => {};
    const clock: Clock = {
      ...systemClock,
      after(delayMs, fire) {
        if (delayMs < HOUR_MS / 2) return systemClock.after(delayMs, fire);
        leave = fire;
        return () => {};
      },
    };
    const stays = { stayMs: 2 * HOUR_MS, leaveMs: HOUR_MS };
    const { join, over } = await joining(dialIn.port, "job1", { ...stays, clock });
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
    const [place] = dialIn.places();
    expect(place?.remainingSeconds).toBeGreaterThan(7_000);
    expect(place?.remainingSeconds).toBeLessThanOrEqual(7_200);
    const open = connect(pathOf(dialIn));
    open.write("one");
    await once(open, "data");
    expect(over).toEqual([]);
    leave();
    expect(over).toEqual(["the batch job ends in 3600 s"]);
    const drained = join.drain();
    expect(join.leaving).toBe(true);
    await eventually(() => stateOf(dialIn) === "leaving", LIMIT_MS);
    expect(await ask(pathOf(dialIn), "two")).toBeUndefined();
    open.write("three");
    expect(String((await once(open, "data"))[0])).toBe("job1:three");
    await drained;
    open.destroy();
  });

  it("calls again until the gateway is there", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, "close");
    const { said } = await joining(port, "job1");
    await eventually(() => said.length > 0, LIMIT_MS);
    expect(said[0]).toContain("ECONNREFUSED");
    const dialIn = await gateway({ port });
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
  });
});

describe("who has another secret", () => {
  it("does not join, and is told which file to look at", async () => {
    const dialIn = await gateway();
    const { said } = await joining(dialIn.port, "job1", { secret: Buffer.from("guessed") });
    await eventually(() => said.length > 0, LIMIT_MS);
    expect(said[0]).toContain("it has another secret (dialIn.secretFile here, join.secretFile");
    expect(stateOf(dialIn)).toBe("vacant");
  });

  it("is no gateway to a server that joins", async () => {
    const impostor = createServer((socket) => {
      say(socket, { protocol: 1, nonce: "00" });
      void nextLine(socket, 1000).then(() => say(socket, { place: "dial-in-1", proof: "00" }));
    }).listen(0, "127.0.0.1");
    await once(impostor, "listening");
    const { said, join } = await joining((impostor.address() as { port: number }).port, "job1");
    await eventually(() => said.length > 0, LIMIT_MS);
    expect(said[0]).toContain("the gateway does not know the secret (join.secretFile)");
    await join.stop();
    impostor.close();
  });

  it("cannot take a connection that was dialled for another, nor replay a proof", async () => {
    const dialIn = await gateway();
    const heard: string[] = [];
    for (const line of [
      { link: "00", nonce: "11", proof: proofOf(secret, "link", "an old nonce", "00") },
      { join: "job1", nonce: "11", remainingMs: 1, proof: proofOf(secret, "join", "old", "job1") },
    ]) {
      const socket = connect(dialIn.port, "127.0.0.1");
      await nextLine(socket, LIMIT_MS);
      say(socket, line);
      heard.push(String((await nextLine(socket, LIMIT_MS)).error));
    }
    expect(heard).toEqual([
      expect.stringContaining("another secret"),
      expect.stringContaining("another secret"),
    ]);
  });
});

describe("a stranger on the port", () => {
  const refused = async (dialIn: DialIn, bytes: string) => {
    const socket = connect(dialIn.port, "127.0.0.1");
    await nextLine(socket, LIMIT_MS);
    socket.write(bytes);
    return nextLine(socket, LIMIT_MS).then(
      ({ error }) => String(error),
      (error: Error) => error.message,
    );
  };

  it.each([
    ["that speaks HTTP", "GET / HTTP/1.1\r\n\r\n", /no JSON object/],
    ["with a list", "[1]\n", /no JSON object/],
    ["that says something else", '{"hello":1}\n', /neither joins nor links/],
    ["that does not end its line", "x".repeat(100_000), /too long|ended|ECONNRESET|EPIPE/],
  ])("%s is refused, and others are not disturbed", async (_who, bytes, text) => {
    const dialIn = await gateway();
    expect(await refused(dialIn, bytes)).toMatch(text);
    await joining(dialIn.port, "job1");
    await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
  });

  it.each([
    ["in plain text", undefined],
    ["at their TLS handshake", certificates],
  ])(
    "by the thousand, without a word, %s: most are ended, and servers join",
    async (_how, over) => {
      const { readFileSync } = await import("node:fs");
      const tls = over && {
        cert: readFileSync(over.serverCertPath),
        key: readFileSync(over.serverKeyPath),
      };
      const said: string[] = [];
      const log = { ...silent, warn: (text: string) => said.push(text) };
      const dialIn = await gateway({ tls, log });
      const silentOnes: Socket[] = [];
      const open = () => silentOnes.filter(({ destroyed }) => !destroyed).length;
      /** So many at once as wait to be accepted. */
      const wave = () =>
        Promise.all(
          Array.from({ length: 100 }, () => {
            const socket = connect(dialIn.port, "127.0.0.1");
            silentOnes.push(socket.on("error", () => {}).resume());
            return Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => {});
          }),
        );
      try {
        for (let waves = 0; waves < 20; waves += 1) await wave();
        expect(await eventually(() => open() <= 128, LIMIT_MS)).toBeDefined();
        expect(open()).toBeGreaterThan(50);
        const far = `localhost:${dialIn.port}`;
        const more = over && { gateway: far, tls: { ca: over.root } };
        await joining(dialIn.port, "job1", more);
        await eventually(() => stateOf(dialIn) === "joined", LIMIT_MS);
        expect(await ask(pathOf(dialIn), "hello")).toBe("job1:hello");
        expect(said).toEqual([
          "128 connections to the dial-in port say nothing: the oldest of 127.0.0.1 are ended",
        ]);
      } finally {
        for (const socket of silentOnes) socket.destroy();
      }
    },
    3 * LIMIT_MS,
  );

  it.each([
    ["says nothing", () => {}],
    [
      "says a letter at a time",
      (socket: Socket) => {
        const dripping = setInterval(() => socket.write("x"), 20);
        socket.once("close", () => clearInterval(dripping));
      },
    ],
    ["speaks, and does not read", (socket: Socket) => void socket.pause().write("{}\n")],
  ])("who %s is gone after the time for greetings", async (_what, act) => {
    const dialIn = await gateway({ greetingMs: 200 });
    const socket = connect(dialIn.port, "127.0.0.1");
    await once(socket, "connect");
    const began = performance.now();
    act(socket.on("error", () => {}));
    if (!socket.isPaused()) socket.resume();
    await eventually(() => dialIn.strangers === 0, LIMIT_MS);
    expect(performance.now() - began).toBeLessThan(LIMIT_MS);
    socket.destroy();
  });

  it.skipIf(certificates === undefined)("at its TLS handshake is gone after it, too", async () => {
    if (certificates === undefined) return;
    const { readFileSync } = await import("node:fs");
    const { serverCertPath, serverKeyPath } = certificates;
    const tls = { cert: readFileSync(serverCertPath), key: readFileSync(serverKeyPath) };
    const dialIn = await gateway({ tls, greetingMs: 200 });
    const socket = connect(dialIn.port, "127.0.0.1");
    const closed = once(socket.resume(), "close");
    await once(socket, "connect");
    // Begins a record of TLS that never ends.
    socket.write(Buffer.from([22, 3, 1, 2, 0, 1]));
    await closed;
    await eventually(() => dialIn.strangers === 0, LIMIT_MS);
  });

  it("who is wrong again and again is told once in a while", async () => {
    const said: string[] = [];
    const log = { ...silent, warn: (text: string) => said.push(text) };
    let skipMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + skipMs };
    const dialIn = await gateway({ log, clock });
    const wrong = async () => expect(await refused(dialIn, "[1]\n")).toMatch(/no JSON object/);
    for (let turn = 0; turn < 20; turn += 1) await wrong();
    skipMs = 60_000;
    await wrong();
    expect(said).toEqual([
      expect.stringMatching(/did not join: a line is no JSON object/),
      expect.stringMatching(/no JSON object.*, and 19 more since it was told last$/),
    ]);
  });

  it.each([
    ["a name of two lines", "a\nb", 1, /is no name/],
    ["that its time was over before", "job1", -60_000, /its time is over already/],
    ["that it has no time", "job1", 0, /its time is over already/],
    ["a long name", "x".repeat(200), 1, /is no name/],
    ["no number of ms", "job1", "soon", /how long it stays/],
  ])("who knows the secret but says %s is refused too", async (_what, name, remainingMs, text) => {
    const dialIn = await gateway();
    const socket = connect(dialIn.port, "127.0.0.1");
    const { nonce } = await nextLine(socket, LIMIT_MS);
    const proof = proofOf(secret, "join", String(nonce), name);
    say(socket, { join: name, nonce: "00", remainingMs, proof });
    expect(String((await nextLine(socket, LIMIT_MS)).error)).toMatch(text);
  });
});

it("leaves nothing behind", async () => {
  const dialIn = await gateway();
  const socket: Socket = connect(dialIn.port, "127.0.0.1");
  const closed = once(socket, "close");
  socket.on("error", () => {}).resume();
  await once(socket, "connect");
  const path = pathOf(dialIn);
  expect(existsSync(path)).toBe(true);
  await dialIn.stop();
  await closed;
  expect(existsSync(path)).toBe(false);
});
