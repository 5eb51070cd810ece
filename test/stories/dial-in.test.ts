/** Gateways that cannot be called join one that can: what its clients notice of them, and of each way to end. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newNonce, nextLine, proofOf, say } from "../../src/dial-in/words.ts";
import { type DialInRig, dialInRig } from "../support/dial-in-rig.ts";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { scrape, sum } from "../support/metrics.ts";
import { eventually } from "../support/process-tree.ts";

const STORY_MS = 180_000;
let rig: DialInRig;
beforeAll(async () => {
  rig = await dialInRig();
}, STORY_MS);
afterAll(() => rig?.remove(), STORY_MS);

/** Answers go on coming. */
async function goesOn(load: { readonly answered: number }): Promise<void> {
  const before = load.answered;
  expect(await eventually(() => load.answered > before + 200, 60_000)).toBeDefined();
}
/** Requests of the gateway come to it. */
async function works({ metricsPort }: GatewayProcess): Promise<void> {
  const rows = async () => sum(await scrape(metricsPort), "nv_inference_count") ?? 0;
  await expect.poll(rows, { timeout: 60_000, interval: 200 }).toBeGreaterThan(100);
}
const walltime = (seconds: number) => ["--join-walltime-secs", String(seconds)];

describe("a worker of a batch system", { timeout: STORY_MS }, () => {
  it("whose 60 s of walltime end drains without an error, and a new one takes over", async () => {
    const first = await rig.joining("job1", [...walltime(60), "--join-leave-secs", "15"]);
    await rig.served();
    const errors = await rig.underLoad(async (load) => {
      await goesOn(load);
      const second = await rig.joining("job2", walltime(3600));
      await works(second);
      expect(first.log()).not.toContain("the batch job ends");
      const exit = await first.exited;
      expect(exit, first.log()).toEqual({ code: 0, signal: null });
      expect(first.log()).toMatch(/the batch job ends in \d+ s: finishing requests in flight/);
      await goesOn(load);
      const samples = await scrape(rig.near.metricsPort);
      expect(sum(samples, "beamgate_dial_in_place", { state: "joined" })).toBe(1);
      expect(sum(samples, "beamgate_dial_in_remaining_seconds")).toBeGreaterThan(3000);
      expect(sum(await scrape(second.metricsPort), "nv_inference_count")).toBeGreaterThan(100);
    });
    expect(errors).toEqual([]);
    expect(rig.near.log()).toMatch(/job1 joined from .* stands on dial-in-1 for \d+ s/);
    expect(rig.near.log()).toMatch(/job1 has left dial-in-1/);
  });

  it("that the batch system sends SIGTERM, long before its walltime ends, drains without an error", async () => {
    const told = await rig.joining("job3", walltime(60));
    await eventually(() => rig.near.log().includes("job3 joined"), 60_000);
    const errors = await rig.underLoad(async (load) => {
      await works(told);
      process.kill(told.pid, "SIGTERM");
      expect(await told.exited, told.log()).toEqual({ code: 0, signal: null });
      await goesOn(load);
    });
    expect(errors).toEqual([]);
    expect(rig.near.log()).toMatch(/job3 has left dial-in-\d/);
  });

  it("that is killed costs no request: another one has what it was doing", async () => {
    const killed = await rig.joining("job4", walltime(60));
    await eventually(() => rig.near.log().includes("job4 joined"), 60_000);
    const errors = await rig.underLoad(async (load) => {
      await works(killed);
      process.kill(killed.pid, "SIGKILL");
      await killed.exited;
      await goesOn(load);
    });
    expect(errors).toEqual([]);
    expect(rig.near.log()).toMatch(/job4 has left dial-in-\d/);
  });

  it("that vanishes without a word is given up within 20 s, and another one has what it was doing", async () => {
    const vanished = await rig.joining("job5", walltime(3600));
    await eventually(() => rig.near.log().includes("job5 joined"), 60_000);
    const errors = await rig.underLoad(async (load) => {
      await works(vanished);
      // As a node whose power is cut: nothing is closed, and nobody answers.
      process.kill(vanished.pid, "SIGSTOP");
      try {
        const gone = () => /job5 has left dial-in-\d: no word for \d+ ms/.test(rig.near.log());
        expect(await eventually(gone, 60_000, 100)).toBeDefined();
        await goesOn(load);
      } finally {
        process.kill(vanished.pid, "SIGKILL");
        await vanished.exited;
      }
    });
    expect(errors).toEqual([]);
  });
});

/** A program that knows the secret and means no good: on each connection that is wanted of it, it does this. */
async function hostile(name: string, onLink: (socket: Socket) => void): Promise<Socket> {
  const dial = async (what: "join" | "link", which: string) => {
    const socket = connect(rig.port, "127.0.0.1");
    socket.on("error", () => {});
    const { nonce } = await nextLine(socket, 60_000);
    const proof = proofOf(rig.secret, what, String(nonce), which);
    say(socket, { [what]: which, nonce: newNonce(), proof, remainingMs: 3_600_000 });
    const { place } = await nextLine(socket, 60_000);
    expect(place).toMatch(/^dial-in-/);
    return socket;
  };
  const control = await dial("join", name);
  void (async () => {
    for (;;) {
      const line = await nextLine(control, 60_000);
      if (line.ping === true) say(control, { pong: true });
      else if (typeof line.link === "string") {
        dial("link", line.link).then(onLink, () => {});
      }
    }
  })().catch(() => {});
  return control;
}

/** Type, flags and stream of a frame of HTTP/2, and how long it says that it is. */
function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer,
  says = payload.length,
) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(says, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = frame(4, 0, 0, Buffer.alloc(0));
/** `:status 200` from HPACK's table, and a message of gRPC that says it has 1 GB. */
const CLAIMS_A_GIGABYTE = [
  SETTINGS,
  frame(1, 4, 1, Buffer.from([0x88])),
  frame(0, 0, 1, Buffer.from([0, 0x40, 0, 0, 0, 1, 2, 3])),
];
const CRIMES: Readonly<Record<string, (socket: Socket) => void>> = {
  "says nothing on its connections": () => {},
  "speaks another language": (socket) => void socket.write("HTTP/1.1 200 OK\r\n\r\nhello"),
  "sends garbage frames": (socket) =>
    void socket.write(
      Buffer.concat([
        SETTINGS,
        ...Array.from({ length: 200 }, (_, at) => frame(at, 0xff, at, Buffer.alloc(at, at))),
      ]),
    ),
  "says that a frame has 16 MB": (socket) =>
    void socket.write(frame(0, 0, 1, Buffer.alloc(10), 0xffffff)),
  "says that an answer has 1 GB": (socket) => void socket.write(Buffer.concat(CLAIMS_A_GIGABYTE)),
  "hangs up on every connection": (socket) => void socket.destroy(),
};

describe("a worker that knows the secret and", { timeout: STORY_MS }, () => {
  it.each(Object.entries(CRIMES))(
    "%s: no request fails or is answered wrongly",
    async (crime, onLink) => {
      const errors = await rig.underLoad(async (load) => {
        await goesOn(load);
        const control = await hostile(`villain-${Object.keys(CRIMES).indexOf(crime)}`, onLink);
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        await goesOn(load);
        control.destroy();
        await goesOn(load);
      });
      expect(errors).toEqual([]);
    },
  );

  it("talks rubbish on its first connection has left, and so has one whose line never ends", async () => {
    for (const [name, rubbish] of [
      ["babbler", "}{\n"],
      ["endless", "x".repeat(1_000_000)],
    ] as const) {
      const control = await hostile(name, () => {});
      control.write(rubbish);
      const left = () => rig.near.log().includes(`${name} has left dial-in-`);
      expect(await eventually(left, 60_000)).toBeDefined();
    }
  });
});
