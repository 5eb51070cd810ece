/** Two whole gateways on one store: what one of them is told both follow, and each outlives the other. */
import { type Cases, expect } from "../../support/cases.ts";
import { checkStore } from "./check-store.ts";
import { followEachOther } from "./follow-each-other.ts";
import { type Pair, StorePlace } from "./gateway-on-store.ts";
import { outliveEachOther } from "./outlive-each-other.ts";
import { registerAtOnce } from "./register-at-once.ts";
import { writeAtOnce } from "./write-at-once.ts";

interface Sizes {
  /** Pairs of gateways that start at the same moment, each on an empty folder. */
  readonly starts: number;
  readonly promotions: number;
  /** Of all writers together, to one model. */
  readonly writes: number;
  /** In which both register. */
  readonly rounds: number;
  readonly kills: number;
}

const SHORT: Sizes = { starts: 1, promotions: 2, writes: 100, rounds: 1, kills: 1 };
const LONG: Sizes = { starts: 10, promotions: 20, writes: 10_000, rounds: 20, kills: 20 };

export async function twoGateways(cases: Cases, short: boolean): Promise<void> {
  const { starts, promotions, writes, rounds, kills } = short ? SHORT : LONG;
  for (let start = 1; start < starts; start += 1) {
    await cases.run(`two gateways start at the same moment on an empty folder, time ${start}`, () =>
      onOneStore(async ([one, other]) => {
        const lists = await Promise.all([one.registry.list(), other.registry.list()]);
        expect(
          lists.every(({ generation }) => generation === 0),
          "their store is not empty",
        );
      }),
    );
  }
  const place = new StorePlace();
  await onOneStore(async (pair) => {
    await cases.run(
      `two gateways that started at the same moment: ${promotions} versions are registered at one and promoted at ` +
        "the other while both serve",
      () => followEachOther(pair, promotions),
    );
    await cases.run(`two gateways, ${writes} changes of one model at both: linearizable`, () =>
      writeAtOnce(pair, writes),
    );
    await cases.run(`two gateways register versions of one model at once, ${rounds} times`, () =>
      registerAtOnce(pair, rounds),
    );
    await cases.run(
      `one of two gateways is killed in the middle of ${kills} registrations: the other goes on`,
      () => outliveEachOther(pair, place, kills),
    );
  }, place);
}

/** @param place empty */
async function onOneStore(
  work: (pair: Pair) => Promise<void>,
  place = new StorePlace(),
): Promise<undefined> {
  const started = await Promise.allSettled([place.start(), place.start()]);
  const running = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const pair = running as Pair;
  try {
    for (const each of started) if (each.status === "rejected") throw each.reason;
    await work(pair);
  } finally {
    for (const gateway of pair) await gateway.stop();
    if (running.length === 2) await checkStore(place.store);
    place.remove();
  }
  return undefined;
}
