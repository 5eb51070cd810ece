/**
 * A model that gets a new version again and again while clients use it, all by HTTP: registered, promoted, rolled
 * back and promoted again at times, the old one retired.
 */
import { type Cases, expect } from "../../support/cases.ts";
import { addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { HttpAsker } from "./askers.ts";
import { type GatewayOnStore, StorePlace } from "./gateway-on-store.ts";
import { ServedLoad } from "./served-load.ts";
import { unendingRequest } from "./unending-request.ts";

const MODEL = "taker";
const CLIENTS = 32;
const SWAPS = 50;
const SHORT_SWAPS = 5;
/** Answers to unpinned clients between one swap and the next: 10 000 in all at the least. */
const BETWEEN = 200;
/** Requests lie in the queue for so long, so that some always do when a version leaves. */
const QUEUED_US = 60_000;

export async function gatewaySwaps(cases: Cases, short: boolean): Promise<void> {
  const place = new StorePlace();
  const swaps = short ? SHORT_SWAPS : SWAPS;
  const gateway = await place.start();
  try {
    await cases.run(
      `${swaps} swaps by HTTP of a gateway process with a store: no request fails, none is late, pins hold`,
      () => swapAll(gateway, swaps),
    );
  } finally {
    await gateway.stop();
    place.remove();
  }
  if (short) return;
  await cases.run("whoever retires a version that answers without end is told so", unendingRequest);
}

async function swapAll(gateway: GatewayOnStore, swaps: number): Promise<string> {
  const { registry } = gateway;
  const pinned = addingVersion("1000", 1000);
  let now = addingVersion("1", 1);
  await uploadAndRegister(registry, MODEL, pinned);
  await uploadAndRegister(registry, MODEL, now, { queuedUs: QUEUED_US });
  await registry.change(MODEL, "promote", { version: now.version });
  const load = new ServedLoad({ ...gateway, model: MODEL, clients: CLIENTS, pinned });
  load.knows(now);
  load.allow(now.version);
  load.loyalTo(now);
  load.start();
  let done = 0;
  let rollbacks = 0;
  let fewest = Number.POSITIVE_INFINITY;
  const swap = async (from: string, to: string, change: () => Promise<unknown>) => {
    fewest = Math.min(fewest, await load.more(BETWEEN));
    load.allow(from, to);
    await change();
    load.allow(to);
    done += 1;
  };
  try {
    while (done < swaps) {
      const next = addingVersion(String(Number(now.version) + 1), Number(now.version) + 1);
      load.knows(next);
      await uploadAndRegister(registry, MODEL, next, { queuedUs: QUEUED_US });
      const promote = () => registry.change(MODEL, "promote", { version: next.version });
      await swap(now.version, next.version, promote);
      if (rollbacks < done / 4 && done + 2 <= swaps) {
        await swap(next.version, now.version, () => registry.change(MODEL, "rollback", {}));
        await swap(now.version, next.version, promote);
        rollbacks += 1;
      }
      load.retiring(now.version);
      await registry.change(MODEL, "retire", { version: now.version, reason: "swapped" });
      await load.retired(now.version);
      load.loyalTo(next);
      await expectRefused(gateway, now.digest);
      now = next;
    }
    await load.more(BETWEEN);
  } finally {
    await load.stop();
  }
  const troubles = load.troubles();
  expect(troubles === undefined, `${troubles}\n${gateway.log().slice(-1500)}`);
  expect(fewest >= 100, `only ${fewest} requests between two swaps`);
  expect(load.pinned > 0 && load.loyal > 0, "no request was pinned");
  expect(load.byVersion.size > swaps / 3, `only ${load.byVersion.size} versions answered`);
  return (
    `${load.unpinned} unpinned requests of ${CLIENTS} clients to ${load.byVersion.size} versions, at least ${fewest} ` +
    `between two swaps, ${rollbacks} of which were rollbacks; ${load.pinned} pinned to what stays, ${load.loyal} to what leaves`
  );
}

/** Whoever insists on what was retired is told so. */
async function expectRefused({ httpPort }: GatewayOnStore, digest: string): Promise<void> {
  const asker = new HttpAsker(httpPort);
  const told = await asker.ask(MODEL, 1, { digest }).then(
    ({ version }) => `version ${version} answered`,
    (thrown: Error) => thrown.message,
  );
  asker.close();
  expect(told.includes("retired"), `whoever insists on a retired artifact is told: ${told}`);
}
