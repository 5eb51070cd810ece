/** Processes that fight for leases, and are paused for longer than these live; one guarded side sees all they do. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../../models/make/random.ts";
import { packageRoot } from "../../../src/package-root.ts";
import { judge, type Ticket } from "../../../src/policy/fencing/fence.ts";
import type { HolderOrder } from "./lease-holder.ts";
import { redisSettings } from "./redis-settings.ts";

export interface HandOvers {
  readonly handOvers: number;
  /** Acts that were let through although another owner had been let through with the same or a newer counter. */
  readonly doubleOwners: number;
  /** Acts of those whose time was over, and that were refused. */
  readonly refused: number;
  readonly acts: number;
  readonly pauses: number;
  readonly seconds: number;
}

const HOLDERS = 4;
const TTL_MS = 20;

/** @param handOvers of all leases together */
export async function leaseHandOvers(
  url: string,
  handOvers: number,
  leases = 50,
  limitMs = 120_000,
): Promise<HandOvers> {
  const began = performance.now();
  const seen = { handOvers: 0, doubleOwners: 0, refused: 0, acts: 0, pauses: 0 };
  const newest = new Map<number, Ticket>();
  /** Told apart from the fence: every owner that a counter of a lease was let through for. */
  const history = new Map<number, { highest: number; readonly owners: Map<number, string> }>();
  const settings = redisSettings({ url, commandTimeoutMs: 1_000 });
  const entry = join(packageRoot, "dist", "test", "support", "redis", "lease-holder.js");
  const holders = Array.from({ length: HOLDERS }, (_, at) => {
    const owner = `holder-${at}`;
    const child = fork(entry, { stdio: "inherit" });
    child.send({ settings, owner, leases, ttlMs: TTL_MS, seed: at + 1 } satisfies HolderOrder);
    child.on("message", ([lease, counter]: [number, number]) => {
      const shown = { counter, owner };
      const before = newest.get(lease);
      seen.acts += 1;
      if (judge(before, shown) !== "pass") {
        seen.refused += 1;
        return;
      }
      newest.set(lease, shown);
      if (before !== undefined && before.owner !== owner) seen.handOvers += 1;
      const known = history.get(lease) ?? { highest: 0, owners: new Map<number, string>() };
      history.set(lease, known);
      const other = known.owners.get(counter);
      if (counter < known.highest || (other !== undefined && other !== owner)) {
        seen.doubleOwners += 1;
      }
      known.highest = Math.max(known.highest, counter);
      known.owners.set(counter, owner);
    });
    return child;
  });
  try {
    const random = new Random(7);
    while (seen.handOvers < handOvers && performance.now() - began < limitMs) {
      const holder = holders[random.integer(HOLDERS)];
      holder?.kill("SIGSTOP");
      await sleep(TTL_MS + random.integer(2 * TTL_MS));
      holder?.kill("SIGCONT");
      seen.pauses += 1;
      await sleep(random.integer(TTL_MS));
    }
  } finally {
    await Promise.all(holders.map(end));
  }
  return { ...seen, seconds: (performance.now() - began) / 1000 };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await ended;
}
