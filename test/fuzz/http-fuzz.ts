/** Mutated HTTP requests to a live gateway: bodies, headers and paths; neighbours on connections of their own. */
import { Agent, type IncomingMessage, request } from "node:http";
import { gzipSync } from "node:zlib";
import type { Random } from "../../models/make/random.ts";
import { HTTP_NEIGHBOUR, HTTP_SEEDS, type HttpSeed } from "./corpus.ts";
import { hangMs } from "./hang.ts";
import { mutate, pick } from "./mutate.ts";
import type { Tally } from "./tally.ts";

const IN_FLIGHT = 32;
const NEIGHBOURS = 4;
const GIVE_UP_MS = 10_000;
const SLOW_BY_NATURE = /repository\/models/;
/** What an answer may be; 5xx but for these is a fault of ours. */
const FORESEEN = new Set([500, 501, 503]);
const UNFORESEEN = "internal error";

interface Answer {
  /** 0: the server closed the connection; -1: it never answered. */
  readonly status: number;
  readonly body: string;
  readonly tookMs: number;
}

export async function fuzzHttp(
  port: number,
  cases: number,
  random: Random,
  tally: Tally,
): Promise<void> {
  const attackers = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const bystanders = new Agent({ keepAlive: true, maxSockets: NEIGHBOURS });
  const expected = await ask(port, bystanders, HTTP_NEIGHBOUR);
  if (expected.status !== 200) throw new Error(`a right request got ${expected.body}`);
  try {
    for (let done = 0; done < cases; done += IN_FLIGHT) {
      const attacks = Array.from({ length: Math.min(IN_FLIGHT, cases - done) }, () =>
        spoil(pick(HTTP_SEEDS, random), pick(HTTP_SEEDS, random), random),
      );
      const answers = attacks.map((attack) => ask(port, attackers, attack));
      const right = Array.from({ length: NEIGHBOURS }, () => ask(port, bystanders, HTTP_NEIGHBOUR));
      for (const [i, answer] of (await Promise.all(answers)).entries()) {
        const attack = attacks[i];
        if (attack === undefined) continue;
        tally.count(String(answer.status));
        const input = Buffer.concat([
          Buffer.from(`${attack.path} ${JSON.stringify(attack.headers)}\n`),
          attack.body,
        ]);
        if (answer.status === -1) tally.find(`${attack.path} never answered`, input);
        else if (!foreseen(answer)) tally.find(`${answer.status} ${answer.body}`, input);
        else if (!SLOW_BY_NATURE.test(attack.path)) {
          const again = async () => (await ask(port, attackers, attack)).tookMs;
          const hang = await hangMs(answer.tookMs, again);
          if (hang !== undefined) tally.find(`${attack.path} took ${hang.toFixed(0)} ms`, input);
        }
      }
      for (const { status, body } of await Promise.all(right)) {
        if (status === 200 && told(body) === told(expected.body)) continue;
        const input = Buffer.concat(attacks.map((attack) => attack.body));
        tally.find(`a neighbour was disturbed: ${status} ${body}`, input);
      }
    }
  } finally {
    attackers.destroy();
    bystanders.destroy();
  }
}

/** Without the parameters: whose batch it shared and how long it waited may differ. */
function told(body: string): string {
  const { parameters: _, ...rest } = JSON.parse(body) as { readonly parameters?: unknown };
  return JSON.stringify(rest);
}

function foreseen({ status, body }: Answer): boolean {
  return status < 500 || (FORESEEN.has(status) && !body.includes(UNFORESEEN));
}

function spoil(seed: HttpSeed, other: HttpSeed, random: Random): HttpSeed {
  const headers: Record<string, string> = { ...seed.headers };
  const dice = random.bits() % 16;
  if (dice === 0) headers["inference-header-content-length"] = String((random.bits() % 4096) - 64);
  if (dice === 1) headers["content-encoding"] = pick(["gzip", "deflate", "br", "nonsense"], random);
  if (dice === 2) headers["accept-encoding"] = "gzip;q=0.5, deflate, *;q=x";
  const body = mutate(seed.body, random, other.body);
  if (dice === 3) headers["content-encoding"] = "gzip";
  const path = dice === 4 ? spoiltPath(seed.path, random) : seed.path;
  const packed = dice === 3 ? mutate(gzipSync(body), random, other.body) : body;
  return { method: seed.method, path, headers, body: packed };
}

function spoiltPath(path: string, random: Random): string {
  const spoilt = mutate(Buffer.from(path), random, Buffer.from("/%2e%2e/%zz?a=%00"));
  // What node's own client refuses to send never reaches a server.
  return `/${spoilt.toString("latin1").replaceAll(/[^\x21-\x7e]/g, "%")}`;
}

function ask(port: number, agent: Agent, seed: HttpSeed): Promise<Answer> {
  const begin = performance.now();
  return new Promise((resolve) => {
    const end = (status: number, body: string) =>
      resolve({ status, body, tookMs: performance.now() - begin });
    const { method, path, headers } = seed;
    const options = { host: "127.0.0.1", port, agent, method, path, headers };
    const sent = request(options, (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        clearTimeout(late);
        end(response.statusCode ?? 0, Buffer.concat(chunks).toString());
      });
      response.on("error", () => end(0, ""));
    });
    const late = setTimeout(() => {
      end(-1, "");
      sent.destroy();
    }, GIVE_UP_MS);
    sent.on("error", () => {
      clearTimeout(late);
      end(0, "");
    });
    sent.end(seed.body);
  });
}
