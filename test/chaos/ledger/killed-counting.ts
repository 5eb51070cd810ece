/** `kill -9` of a gateway that counts what tenants use, again and again on one folder. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../../models/make/random.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { type Counted, checkFiles, LedgerRig } from "./ledger-rig.ts";
import type { Bill } from "./paying-clients.ts";

const LIVES = 10;
const SHORT_LIVES = 3;
/** Of a life: before the first line is written, or a few lines later; ms. */
const LEAST_MS = 300;
const MOST_MS = 7_000;
const LOOK_MS = 20;

export async function killedCounting(cases: Cases, short: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-ledger-"));
  const rig = new LedgerRig(folder);
  const lives = short ? SHORT_LIVES : LIVES;
  try {
    await cases.run(
      `kill -9 of a gateway that counts for four tenants (${lives} times): nothing twice, nothing half, lost only what no line had yet`,
      () => liveAndDie(rig, join(folder, "usage"), lives),
    );
  } finally {
    rig.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The gateway before, as its clients saw it end. */
interface Death {
  readonly at: number;
  /** When the files of the ledger were seen to grow. */
  readonly written: readonly number[];
}

async function liveAndDie(rig: LedgerRig, usageFolder: string, lives: number): Promise<string> {
  const random = new Random(7);
  const { bills } = rig.clients;
  /** What the ledger had at the begin of the life before. */
  let before: ReadonlyMap<string, Counted> = new Map();
  let death: Death | undefined;
  let longestLossMs = 0;
  for (let life = 0; life <= lives; life += 1) {
    const gateway = await rig.start();
    const now = await rig.usage(gateway);
    for (const bill of bills) {
      const lostMs = checkBill(bill, now.get(bill.tenant), before.get(bill.tenant), death);
      longestLossMs = Math.max(longestLossMs, lostMs);
    }
    before = now;
    if (life < lives) {
      const stop = rig.clients.start(gateway.grpcPort);
      const lines = watchLines(usageFolder);
      await sleep(random.uniform(LEAST_MS, MOST_MS));
      process.kill(gateway.pid, "SIGKILL");
      await gateway.exited;
      death = { at: performance.now(), written: lines.stop() };
      await stop();
    } else {
      await gateway.stop();
    }
  }
  const troubles = bills.flatMap((bill) => bill.troubles);
  expect(troubles.length === 0, `${troubles.length} requests failed, such as: ${troubles[0]}`);
  expect(
    bills.every(({ answered }) => answered > 0),
    "a tenant was never answered",
  );
  expect(
    bills.some(({ refused }) => refused > 0),
    "nobody was refused by a quota",
  );
  const { lines, torn } = checkFiles(usageFolder);
  const answered = bills.reduce((sum, bill) => sum + bill.answered, 0);
  const counted = [...before.values()].reduce((sum, { requests }) => sum + requests, 0);
  return (
    `${answered} answered, ${counted} in ${lines} lines, ${torn} lines cut off and nobody's; ` +
    `the oldest that was lost was answered ${(longestLossMs / 1000).toFixed(2)} s before its kill`
  );
}

const NONE: Counted = { requests: 0, rows: 0, bytesIn: 0, bytesOut: 0, refused: 0 };

/** @returns how long before the death the oldest request was answered that was lost, ms */
function checkBill(bill: Bill, now: Counted = NONE, before: Counted = NONE, death?: Death): number {
  const { tenant, answered, answeredRows, unknown, unknownRows } = bill;
  // Never more than was answered; of requests whose gateway died under them any may stand there.
  expect(
    now.requests <= answered + unknown && now.rows <= answeredRows + unknownRows,
    `${tenant}: ${now.requests} requests of ${now.rows} rows stand there, ${answered} of ${answeredRows} were answered, ${unknown} of ${unknownRows} perhaps`,
  );
  expect(
    now.refused <= bill.refused + unknown,
    `${tenant}: ${now.refused} refusals stand there, ${bill.refused} were told`,
  );
  if (death === undefined) return 0;
  // What was answered before the line before the last was seen stands in the last one at the latest.
  const seen = death.written.at(-2) ?? 0;
  const sure = bill.answers.filter(({ at }) => at < seen).length;
  const counted = now.requests - before.requests;
  expect(
    counted >= sure,
    `${tenant}: ${counted} of ${bill.answers.length} stand there, ${sure} were answered before the last line`,
  );
  const firstLost = bill.answers[counted];
  return firstLost === undefined ? 0 : death.at - firstLost.at;
}
/** When the files of the ledger were seen to grow, `performance.now()`. */
function watchLines(folder: string): { stop(): readonly number[] } {
  const grew: number[] = [];
  let before = bytesOf(folder);
  const look = () => {
    const bytes = bytesOf(folder);
    if (bytes !== before) grew.push(performance.now());
    before = bytes;
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop() {
      clearInterval(timer);
      return grew;
    },
  };
}

function bytesOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
