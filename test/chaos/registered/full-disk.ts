/** A disk that is full while clients register: refused in clear words, served on, and all is well when there is room. */
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { Random } from "../../../models/make/random.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { type AddingVersion, addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { checkStore } from "./check-store.ts";
import { type GatewayOnStore, StorePlace } from "./gateway-on-store.ts";
import { Refusal } from "./registry-client.ts";
import { ServedLoad } from "./served-load.ts";
import { Filler, type SmallDisk, smallDisk } from "./small-disk.ts";

const MODEL = "taker";
const CLIENTS = 8;
const DISK_BYTES = 32 * 2 ** 20;
/** Of an artifact. */
const PADDING = 200_000;
const REGISTRATIONS = 40;
const SHORT_REGISTRATIONS = 4;
const PAGE_BYTES = 4096;
/** Room that is left at the most: enough for an artifact, not for all that is written about it. */
const MOST_LEFT = 260_000;

export async function fullDisk(cases: Cases, short: boolean): Promise<void> {
  const place = new StorePlace();
  const folder = join(place.folder, "disk");
  mkdirSync(folder);
  const disk = smallDisk(folder, DISK_BYTES);
  const name = "a disk that is full while clients register";
  if (typeof disk === "string") {
    place.remove();
    if (env["CI"]) await cases.run(name, () => Promise.reject(new Error(disk)));
    else cases.skip(name, disk);
    return;
  }
  const store = new StorePlace(join(folder, "store"));
  let gateway: GatewayOnStore | undefined;
  try {
    gateway = await store.start({ launcher: disk.launcher });
    const running = gateway;
    const registrations = short ? SHORT_REGISTRATIONS : REGISTRATIONS;
    await cases.run(
      `${name} (${registrations} times): refused in clear words, served on, well when there is room`,
      () => fillAgainAndAgain(running, disk, registrations, place),
    );
  } finally {
    await gateway?.stop();
    store.remove();
    place.remove();
  }
}

async function fillAgainAndAgain(
  gateway: GatewayOnStore,
  disk: SmallDisk,
  registrations: number,
  place: StorePlace,
): Promise<string> {
  const { registry } = gateway;
  const random = new Random(1);
  const filler = new Filler(disk.seenFrom(gateway.pid));
  const first = addingVersion("1", 1, PADDING);
  await uploadAndRegister(registry, MODEL, first);
  const load = new ServedLoad({ ...gateway, model: MODEL, clients: CLIENTS });
  load.knows(first);
  load.allow("1");
  load.start();
  const acknowledged = new Set<AddingVersion>([first]);
  const refusals = new Map<string, number>();
  let refused = 0;
  try {
    for (let n = 2; n <= registrations + 1; n += 1) {
      const version = addingVersion(String(n), n, PADDING);
      // Every other time there is room for the bytes, and it ends somewhere behind them.
      const least = n % 2 === 0 ? 0 : PADDING;
      filler.leave(Math.floor(random.uniform(least, MOST_LEFT)));
      const registering = await refusalOf(uploadAndRegister(registry, MODEL, version), gateway);
      // What is left now may do for the record, and not for the line that tells of it.
      filler.leave(random.integer(4) * PAGE_BYTES);
      const to = { alias: "candidate", version: "1", weight: n / 1000 };
      const promoting = await refusalOf(registry.change(MODEL, "promote", to), gateway);
      if (registering !== undefined) refused += 1;
      for (const during of [registering, promoting]) {
        if (during !== undefined) refusals.set(during, (refusals.get(during) ?? 0) + 1);
      }
      await load.more(CLIENTS);
      filler.remove();
      const { artifact } = await uploadAndRegister(registry, MODEL, version);
      expect(
        artifact?.state === "ready",
        `version ${n} is ${artifact?.state}: ${artifact?.reason}`,
      );
      acknowledged.add(version);
    }
    await load.more(CLIENTS);
  } finally {
    await load.stop();
  }
  const troubles = load.troubles();
  expect(troubles === undefined, `${troubles}\n${gateway.log().slice(-1500)}`);
  expect(refused >= registrations / 2, `only ${refused} registrations met a full disk`);
  const copy = join(place.folder, "copy");
  cpSync(join(disk.seenFrom(gateway.pid), "store"), copy, { recursive: true });
  await checkStore(copy, { acknowledged });
  const kinds = [...refusals].map(([where, count]) => `${count} × ${where}`).join("; ");
  return `${refused} registrations and others refused (${kinds}), ${load.unpinned} requests meanwhile, all answered`;
}

/** @returns during what there was no room; undefined: there was */
async function refusalOf(
  registration: Promise<unknown>,
  gateway: GatewayOnStore,
): Promise<string | undefined> {
  const thrown = await registration.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown === undefined) return undefined;
  // What the gateway writes about it is on its way.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const clear = thrown instanceof Refusal && thrown.code === "RESOURCE_EXHAUSTED";
  const [, during] = /while (.*?); make room and try again/.exec(String(thrown)) ?? [];
  expect(
    clear && during !== undefined,
    `a full disk is told as: ${thrown}\n${gateway.log().slice(-1500)}`,
  );
  return during.replace(/sha256:[0-9a-f]+/, "an artifact");
}
