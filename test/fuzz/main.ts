/** `npm run fuzz`: mutants for every parser, and for a live gateway; ends with the counts. */
import { argv, exit, stdout } from "node:process";
import { parseArgs } from "node:util";
import { Random } from "../../models/make/random.ts";
import { Cases } from "../support/cases.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { childrenOf, startTicks } from "../support/process-tree.ts";
import { fuzzConfigs } from "./config-fuzz.ts";
import { targetRepository } from "./corpus.ts";
import { fuzzGrpc } from "./grpc-fuzz.ts";
import { fuzzHttp } from "./http-fuzz.ts";
import { families } from "./parsers/families.ts";
import { fuzzInThreads } from "./parsers/in-threads.ts";
import { Tally } from "./tally.ts";

const LIVE = ["grpc", "http", "configs"];
const HELP = `usage: npm run fuzz -- [--cases N] [--seed N] [--only NAME]...
  --cases N   for each parser, and for grpc, http and configs together (default 1e5)
  --seed N    of the first case (default 1); the same seed makes the same cases
  --only NAME ${[...LIVE, ...Object.keys(families)].join(", ")}
`;

const { values } = parseArgs({
  args: argv.slice(2),
  options: {
    cases: { type: "string", default: "1e5" },
    seed: { type: "string", default: "1" },
    only: { type: "string", multiple: true, default: [...LIVE, ...Object.keys(families)] },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  stdout.write(HELP);
  exit(0);
}
const all = Number(values.cases);
const each = Math.ceil(all / LIVE.length);
const seed = Number(values.seed);
const failures: unknown[] = [];
process.on("unhandledRejection", (reason) => failures.push(reason));

const cases = new Cases();
const unknown = values.only.filter((name) => !LIVE.includes(name) && !(name in families));
if (unknown.length > 0) {
  stdout.write(`nothing is named ${unknown.join(", ")}\n${HELP}`);
  exit(2);
}
const parsers = Object.keys(families).filter((name) => values.only.includes(name));
await fuzzInThreads(
  parsers.map((family) => ({ family, cases: all, seed })),
  ({ family, tally, seconds }) => report(family, tally, seconds),
);
if (values.only.includes("configs")) {
  await fuzz("configurations", (tally) => fuzzConfigs(each, new Random(seed), tally));
}
for (const [kind, run] of [
  ["grpc", fuzzGrpc],
  ["http", fuzzHttp],
] as const) {
  if (!values.only.includes(kind)) continue;
  await againstGateway(kind, (port, tally) => run(port, each, new Random(seed), tally));
}
exit(cases.finish());

async function fuzz(name: string, run: (tally: Tally) => Promise<void>): Promise<void> {
  const tally = new Tally();
  const begin = performance.now();
  await run(tally);
  await report(name, tally, (performance.now() - begin) / 1000);
}

async function report(name: string, tally: Tally, seconds: number): Promise<void> {
  const outcomes = [...tally.outcomes].toSorted(([, a], [, b]) => b - a);
  const shown = outcomes.map(([outcome, count]) => `${outcome}: ${count}`).join(", ");
  const rate = (tally.cases / seconds).toFixed(0);
  stdout.write(`${name}: ${tally.cases} cases in ${seconds.toFixed(0)} s, ${rate}/s (${shown})\n`);
  await cases.run(`${tally.cases} mutated ${name} do no harm`, () => {
    const reasons = tally.findings.map(({ what, input }) => `${what}\n  ${input}`);
    if (tally.found > 0) throw new Error(`${tally.found} findings\n${reasons.join("\n")}`);
    if (failures.length > 0) throw new Error(`unhandled rejections: ${failures.join("; ")}`);
    return undefined;
  });
}

async function againstGateway(
  kind: "grpc" | "http",
  run: (port: number, tally: Tally) => Promise<void>,
): Promise<void> {
  const repository = targetRepository();
  const flags = ["--model-control-mode=explicit", "--load-model=*", "--allow-client-shm=true"];
  const gateway = await startGateway({ repositories: [repository.folder], flags });
  const workers = identities(gateway);
  const port = kind === "grpc" ? gateway.grpcPort : gateway.httpPort;
  try {
    await fuzz(`${kind} messages`, (tally) => run(port, tally));
    await cases.run(`the gateway and its workers outlived the ${kind} messages`, () => {
      process.kill(gateway.pid, 0);
      const lost = workers.filter((worker) => !identities(gateway).includes(worker));
      // A load that the fuzzer got right replaces the workers of its model, and of no other.
      const most = 1;
      if (lost.length > most)
        throw new Error(`${lost.length} of ${workers.length} workers are gone`);
      if (/unhandled|uncaught/i.test(gateway.log())) throw new Error(gateway.log().slice(-2000));
    });
  } finally {
    await gateway.stop();
    repository.remove();
  }
}

/** Process id and start: an id alone may be another process by now. */
function identities(gateway: GatewayProcess): string[] {
  return childrenOf(gateway.pid).map((pid) => `${pid}@${startTicks(pid)}`);
}
