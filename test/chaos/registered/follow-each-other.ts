/** A version is registered at one gateway and promoted at the other, in turns, while clients use both. */
import { expect } from "../../support/cases.ts";
import { type AddingVersion, addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { becomes } from "./becomes.ts";
import type { Pair } from "./gateway-on-store.ts";
import { ServedLoad } from "./served-load.ts";

const MODEL = "taker";
/** Of each gateway. */
const CLIENTS = 8;
/** Answers at each gateway between two changes. */
const BETWEEN = 100;
const LIMIT_MS = 60_000;

export async function followEachOther(pair: Pair, promotions: number): Promise<string> {
  const pinned = addingVersion("1000", 1000);
  let now = addingVersion("1", 1);
  await uploadAndRegister(pair[0].registry, MODEL, pinned);
  await uploadAndRegister(pair[0].registry, MODEL, now);
  await pair[0].registry.change(MODEL, "promote", { version: now.version });
  await pair[1].registry.change(MODEL, "promote", { version: now.version });
  const loads = pair.map((gateway) => {
    return new ServedLoad({ ...gateway, model: MODEL, clients: CLIENTS, pinned });
  }) as [ServedLoad, ServedLoad];
  for (const load of loads) {
    load.knows(now);
    load.allow(now.version);
    load.start();
  }
  let slowestMs = 0;
  try {
    for (let turn = 0; turn < promotions; turn += 1) {
      const next = addingVersion(String(turn + 2), turn + 2);
      slowestMs = Math.max(slowestMs, await promote(pair, loads, turn % 2, now, next));
      now = next;
    }
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
  }
  loads.forEach((load, at) => {
    const troubles = load.troubles();
    expect(troubles === undefined, `gateway ${at}: ${troubles}\n${pair[at]?.log().slice(-1500)}`);
  });
  const answered = loads.map(({ unpinned, pinned }) => unpinned + pinned).join(" and ");
  return `${answered} answers; the other gateway followed a promotion within ${slowestMs.toFixed(0)} ms`;
}

/** @returns how long after the acknowledgement the other gateway followed, ms */
async function promote(
  pair: Pair,
  loads: readonly [ServedLoad, ServedLoad],
  at: number,
  now: AddingVersion,
  next: AddingVersion,
): Promise<number> {
  const [registering, promoting] = at === 0 ? pair : [pair[1], pair[0]];
  const [behind, ahead] = at === 0 ? loads : [loads[1], loads[0]];
  for (const load of loads) {
    load.knows(next);
    await load.more(BETWEEN);
  }
  await uploadAndRegister(registering.registry, MODEL, next);
  for (const load of loads) load.allow(now.version, next.version);
  await promoting.registry.change(MODEL, "promote", { version: next.version });
  const acknowledgedAt = performance.now();
  ahead.allow(next.version);
  const follows = async () => behind.byVersion.has(next.version);
  expect(await becomes(follows, LIMIT_MS), `one gateway never served version ${next.version}`);
  const tookMs = performance.now() - acknowledgedAt;
  // Whoever has seen the new version sees the old one no more.
  behind.allow(next.version);
  await promoting.registry.change(MODEL, "retire", { version: now.version, reason: "swapped" });
  await ahead.retired(now.version);
  return tookMs;
}
