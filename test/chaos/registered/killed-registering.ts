/** SIGKILL of a whole gateway while clients register and promote by HTTP, and what the next one on its store finds. */
import { Random } from "../../../models/make/random.ts";
import { type Cases, expect } from "../../support/cases.ts";
import { uploadAndRegister } from "./adding-versions.ts";
import { checkStore } from "./check-store.ts";
import { type GatewayOnStore, StorePlace } from "./gateway-on-store.ts";
import { MODELS, Registered, whoRegisters } from "./registered.ts";
import { Refusal } from "./registry-client.ts";

const REGISTRATIONS = 70;
const SHORT_REGISTRATIONS = 6;
/** A kill comes within so many registrations after a start. */
const MOST_BEFORE = 5;
/** Parts that an upload is sent in. */
const PIECES = 4;

export async function killedRegistering(cases: Cases, short: boolean): Promise<void> {
  const registrations = short ? SHORT_REGISTRATIONS : REGISTRATIONS;
  for (const seed of short ? [1] : [1, 2, 3]) {
    await cases.run(
      `SIGKILL of the gateway at random moments of ${registrations} registrations by HTTP (seed ${seed}): ` +
        "nothing acknowledged is lost, nothing half there serves",
      () => killAndRestart(registrations, seed),
    );
  }
}

async function killAndRestart(registrations: number, seed: number): Promise<string> {
  const random = new Random(seed);
  const place = new StorePlace();
  const registered = new Registered(registrations);
  let gateway: GatewayOnStore | undefined;
  let kills = 0;
  let interrupted = 0;
  let resumed = 0;
  try {
    for (;;) {
      gateway = await place.start();
      // Every other time clients come back at once, while the gateway takes up what was interrupted.
      if (random.chance(0.5)) resumed += await registered.checkAll(gateway);
      else await registered.checkAcknowledged(gateway);
      if (registered.done) break;
      const killed = await registerUntilKilled(gateway, registered, random);
      if (killed) {
        kills += 1;
        interrupted += registered.underway.size;
      } else {
        await gateway.stop();
      }
      gateway = undefined;
    }
    resumed += await registered.checkAll(gateway);
    await registered.checkRepeated(gateway);
    await gateway.stop();
    const { completedLines } = await checkStore(place.store, registered);
    return (
      `${kills} kills, ${interrupted} registrations and promotions were interrupted, of which the next gateway ended ` +
      `${resumed} by itself; ${completedLines} lines of the audit log completed`
    );
  } finally {
    if (gateway !== undefined) await gateway.stop();
    place.remove();
  }
}

/** @returns false: everything was registered before the moment came */
async function registerUntilKilled(
  gateway: GatewayOnStore,
  registered: Registered,
  random: Random,
): Promise<boolean> {
  let before = random.integer(MOST_BEFORE);
  let tookMs = 500;
  let killing: Promise<void> | undefined;
  let later: NodeJS.Timeout | undefined;
  const register = async (model: string) => {
    for (const version of registered.missing(model)) {
      const begunAt = performance.now();
      if (before === 0) {
        // At any moment of this one, however long these take on a busy machine.
        const wait = random.uniform(0, tookMs);
        later = setTimeout(() => {
          killing = gateway.kill();
        }, wait);
      }
      before -= 1;
      registered.begins(version);
      const who = whoRegisters(version);
      await uploadAndRegister(gateway.registry, model, version, { pieces: PIECES, who });
      registered.acknowledge(version);
      registered.promotes(model, version);
      await gateway.registry.change(model, "promote", { version: version.version });
      registered.acknowledgePromoted(model, version);
      tookMs = performance.now() - begunAt;
    }
  };
  const ends = await Promise.allSettled(MODELS.map(register));
  clearTimeout(later);
  await killing;
  for (const end of ends) {
    const refused = end.status === "rejected" && end.reason instanceof Refusal;
    expect(!refused, refused ? `${end.reason}\n${gateway.log().slice(-1500)}` : "");
    const early = end.status === "rejected" && killing === undefined;
    expect(!early, early ? `not killed, but: ${end.reason}\n${gateway.log().slice(-1500)}` : "");
  }
  return killing !== undefined;
}
