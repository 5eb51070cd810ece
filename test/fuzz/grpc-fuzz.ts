/** Mutated gRPC messages to a live gateway, with neighbours on the same connection and on another. */
import { type ClientHttp2Session, connect } from "node:http2";
import type { Random } from "../../models/make/random.ts";
import { loadInferenceDefinition } from "../../src/grpc/rpc/definition.ts";
import { type GrpcSeed, grpcSeeds, NEIGHBOUR } from "./corpus.ts";
import { hangMs } from "./hang.ts";
import { mutate, pick } from "./mutate.ts";
import type { Tally } from "./tally.ts";

const IN_FLIGHT = 48;
const NEIGHBOURS = 4;
/** A call that is still open then will never end. */
const GIVE_UP_MS = 10_000;
const STREAM_PATH = "/inference.GRPCInferenceService/ModelStreamInfer";
/** These change what is served, by design: they may take the time of a load. */
const SLOW_BY_NATURE = /RepositoryModel/;

interface Call {
  readonly path: string;
  /** What goes into the DATA frames. */
  readonly data: Buffer;
}

interface Answered {
  readonly parameters?: unknown;
}

interface Ended {
  readonly status: string;
  readonly data: Buffer;
  readonly tookMs: number;
}

export async function fuzzGrpc(
  port: number,
  cases: number,
  random: Random,
  tally: Tally,
): Promise<void> {
  const seeds = grpcSeeds();
  const attacker = new Attacker(port);
  const bystander = new Attacker(port);
  const { right, told, expected } = await neighbour(bystander);
  try {
    for (let done = 0; done < cases; done += IN_FLIGHT) {
      const calls = Array.from({ length: Math.min(IN_FLIGHT, cases - done) }, () =>
        attack(pick(seeds, random), pick(seeds, random), random),
      );
      const attacks = calls.map((call) => attacker.call(call));
      const near = Array.from({ length: NEIGHBOURS }, () => attacker.call(right));
      const far = Array.from({ length: NEIGHBOURS }, () => bystander.call(right));
      for (const [i, ended] of (await Promise.all(attacks)).entries()) {
        const call = calls[i];
        if (call === undefined) continue;
        tally.count(ended.status);
        if (ended.status === "never") tally.find(`${call.path} never ended`, call.data);
        else if (!SLOW_BY_NATURE.test(call.path)) {
          const again = async () => (await attacker.call(call)).tookMs;
          const hang = await hangMs(ended.tookMs, again);
          if (hang !== undefined) tally.find(`${call.path} took ${hang.toFixed(0)} ms`, call.data);
        }
      }
      for (const ended of await Promise.all([...near, ...far])) {
        if (ended.status === "0" && told(ended.data) === expected) continue;
        const batch = Buffer.concat(calls.map((call) => call.data));
        tally.find(`a neighbour was disturbed: status ${ended.status}`, batch);
      }
    }
  } finally {
    attacker.close();
    bystander.close();
  }
}

async function neighbour(bystander: Attacker) {
  const method = loadInferenceDefinition().service["ModelInfer"];
  if (method === undefined) throw new Error("no ModelInfer");
  const right = { path: method.path, data: framed(method.requestSerialize(NEIGHBOUR)) };
  /** Without the parameters: whose batch it shared and how long it waited may differ. */
  const told = (data: Buffer) => {
    const { parameters: _, ...rest } = method.responseDeserialize(data.subarray(5)) as Answered;
    return JSON.stringify(rest);
  };
  const { status, data } = await bystander.call(right);
  if (status !== "0") throw new Error(`a right request got status ${status}`);
  return { right, told, expected: told(data) };
}

function attack(seed: GrpcSeed, other: GrpcSeed, random: Random): Call {
  const path = random.bits() % 16 === 0 ? other.path : seed.path;
  const streamed = seed.rpc === "ModelInfer" && random.bits() % 4 === 0;
  const messages = streamed ? 1 + (random.bits() % 3) : 1;
  const data = Buffer.concat(
    Array.from({ length: messages }, () => framed(mutate(seed.message, random, other.message))),
  );
  // Now and then the prefix, too: a wrong length, or a compressed message that is none.
  const spoilt = random.bits() % 8 === 0 ? mutate(data, random, other.message) : data;
  return { path: streamed ? STREAM_PATH : path, data: spoilt };
}

function framed(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Calls over one connection; a new one where the old one was closed. */
class Attacker {
  readonly #port: number;
  #session: ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  call({ path, data }: Call): Promise<Ended> {
    const begin = performance.now();
    return new Promise((resolve) => {
      const headers = {
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
      };
      let status = "none";
      const chunks: Buffer[] = [];
      const stream = this.#open().request(headers);
      const late = setTimeout(() => {
        status = "never";
        stream.destroy();
      }, GIVE_UP_MS);
      const note = (values: Record<string, unknown>) => {
        if (values["grpc-status"] !== undefined) status = String(values["grpc-status"]);
      };
      stream.on("response", note);
      stream.on("trailers", note);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => {});
      stream.on("close", () => {
        clearTimeout(late);
        resolve({ status, data: Buffer.concat(chunks), tookMs: performance.now() - begin });
      });
      stream.end(data);
    });
  }

  close(): void {
    this.#session?.destroy();
  }

  #open(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.#session = connect(`http://127.0.0.1:${this.#port}`);
      this.#session.on("error", () => {});
    }
    return this.#session;
  }
}
