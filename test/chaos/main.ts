/** The order in which the gateway is ill-treated. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { parseArgs } from "node:util";
import { type CaseResult, Cases } from "../support/cases.ts";
import { badBoards } from "./boards.ts";
import { drainUnderLoad } from "./drain.ts";
import { cancels } from "./faults/cancels.ts";
import { clockJumps } from "./faults/clock.ts";
import { descriptors } from "./faults/descriptors.ts";
import { hungWorkers } from "./faults/hung-worker.ts";
import { lyingBoards } from "./faults/lying-boards.ts";
import { manyLoads } from "./faults/many-loads.ts";
import { network } from "./faults/network.ts";
import { slowBoard } from "./faults/slow-board.ts";
import { stall } from "./faults/stall.ts";
import { gatewayDeath } from "./gateway-death.ts";
import { hostileClients } from "./hostile.ts";
import { killWorkers } from "./kill-workers.ts";
import { ledger } from "./ledger/ledger.ts";
import { FAULTS } from "./matrix/faults.ts";
import type { TestOutcome } from "./matrix/outcomes-reporter.ts";
import { readOutcomes, runTests } from "./matrix/run-tests.ts";
import { markdownOf, rowsOf } from "./matrix/table.ts";
import { redis } from "./redis.ts";
import { fullDisk } from "./registered/full-disk.ts";
import { gatewaySwaps } from "./registered/gateway-swaps.ts";
import { killedRegistering } from "./registered/killed-registering.ts";
import { twoGateways } from "./registered/two-gateways.ts";
import { registryStore } from "./registry.ts";
import { rollingRestart } from "./rolling.ts";
import { soak } from "./soak/soak.ts";
import { swaps } from "./swaps.ts";

const PARTS = {
  kill: killWorkers,
  drain: drainUnderLoad,
  death: gatewayDeath,
  boards: badBoards,
  registry: registryStore,
  hostile: hostileClients,
  swaps,
  redis,
  rolling: rollingRestart,
  "gateway-swaps": gatewaySwaps,
  "gateway-kills": killedRegistering,
  "full-disk": fullDisk,
  "two-gateways": twoGateways,
  ledger,
  hung: hungWorkers,
  slow: slowBoard,
  lies: lyingBoards,
  cancels,
  descriptors,
  clock: clockJumps,
  loads: manyLoads,
  stall,
  network,
};

const HELP = `usage: npm run chaos -- [--short] [--table FILE] [--results FILE] [matrix] [PART]...
       npm run chaos -- soak [--minutes N] [--seed N]
  PART            ${Object.keys(PARTS).join(", ")}; all without one
  --short         the least that shows each
  matrix          the tests that rows of the table of faults stand on, too
  --outcomes FILE what became of those tests, where they ran before (matrix/outcomes-reporter.ts)
  --table FILE    where the table of faults goes, which ends a run of all parts
  --results FILE  what the parts told is kept here, and taken from here for parts that do not run this time
  soak            mixed load with random faults, for --minutes (30); --seed (1) chooses the faults
`;

const { values, positionals } = parseArgs({
  args: argv.slice(2),
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    table: { type: "string" },
    outcomes: { type: "string" },
    results: { type: "string" },
    minutes: { type: "string", default: "30" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  stdout.write(HELP);
  process.exit(0);
}
/** Words that are no parts: they say what is done beside them, or instead of all of them. */
const OTHERS = ["matrix", "soak"];
const matrix = positionals.includes("matrix");
const soaks = positionals.includes("soak");
const chosen = positionals.filter((name) => !OTHERS.includes(name));
const unknown = chosen.filter((name) => !Object.hasOwn(PARTS, name));
if (unknown.length > 0) {
  stdout.write(`no such part: ${unknown.join(", ")}\n${HELP}`);
  process.exit(2);
}

const cases = new Cases();
/** Of parts that ran before, and do not now. */
const former = formerResults();
const all = chosen.length === 0 && (matrix || !soaks);
const ran = new Set(former.map(({ part }) => part));
for (const [name, part] of Object.entries(PARTS)) {
  if (!all && !chosen.includes(name)) continue;
  cases.part = name;
  ran.add(name);
  // A part that cannot even start is a failure of its own, and the next one still runs.
  await part(cases, values.short).catch((thrown: unknown) =>
    cases.run(name, () => {
      throw thrown;
    }),
  );
}
if (values.results !== undefined) {
  writeFileSync(values.results, JSON.stringify([...former, ...cases.results], undefined, 1));
}
if (soaks) await soak(cases, { minutes: Number(values.minutes), seed: Number(values.seed) });
cases.part = "matrix";
if (matrix || (chosen.length === 0 && !soaks)) await tellMatrix();
process.exit(cases.finish());

/** @returns undefined where nobody ran them: their rows say so */
async function outcomesOfTests(): Promise<readonly TestOutcome[] | undefined> {
  if (values.outcomes !== undefined) {
    return existsSync(values.outcomes) ? readOutcomes(values.outcomes) : undefined;
  }
  return matrix ? runTests(FAULTS) : undefined;
}

function formerResults(): readonly CaseResult[] {
  if (values.results === undefined || !existsSync(values.results)) return [];
  const results = JSON.parse(readFileSync(values.results, "utf8")) as CaseResult[];
  return results.filter(({ part }) => chosen.length > 0 && !chosen.includes(part));
}

async function tellMatrix(): Promise<void> {
  const tests = await outcomesOfTests();
  const rows = rowsOf(FAULTS, ran, [...former, ...cases.results], tests);
  const table = markdownOf(rows);
  stdout.write(`\n${table}\n`);
  if (values.table !== undefined) writeFileSync(values.table, table);
  await cases.run("the fault matrix: no row misses its figure", () => {
    const missed = rows.filter(({ verdict }) => verdict === "missed");
    const count = (verdict: string) => rows.filter((row) => row.verdict === verdict).length;
    if (missed.length > 0)
      throw new Error(missed.map(({ id, seen }) => `${id}: ${seen}`).join("\n"));
    return `${count("passed")} of ${rows.length} passed, ${count("not run")} not run`;
  });
}
