/** Both gateways register versions of one model at once, and now and then the very same one. */
import { expect } from "../../support/cases.ts";
import { type AddingVersion, addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { becomes } from "./becomes.ts";
import type { GatewayOnStore, Pair } from "./gateway-on-store.ts";
import { Refusal } from "./registry-client.ts";

const MODEL = "crowded";
const LIMIT_MS = 60_000;
const PADDING = 100_000;

/** @param rounds in each of which each gateway registers a version of its own, then both the same */
export async function registerAtOnce(pair: Pair, rounds: number): Promise<string> {
  let refused = 0;
  const made = (number: number) => addingVersion(String(number), number, PADDING);
  for (let round = 0; round < rounds; round += 1) {
    const own = pair.map((_, at) => made(3 * round + at + 1));
    await Promise.all(
      pair.map(({ registry }, at) => {
        const version = own[at];
        return version && uploadAndRegister(registry, MODEL, version);
      }),
    );
    const same = made(3 * round + 3);
    const told = await Promise.all(pair.map((gateway) => registerTogether(gateway, same)));
    refused += told.reduce((sum, times) => sum + times, 0);
  }
  const wanted = 3 * rounds;
  const all = async () => {
    const rows = await Promise.all(pair.map(({ registry }) => registry.list()));
    return rows.every(({ artifacts }) => {
      const mine = artifacts.filter(({ name }) => name === MODEL);
      return mine.length === wanted && mine.every(({ state }) => state === "ready");
    });
  };
  expect(await becomes(all, LIMIT_MS), `not all of ${wanted} versions are ready at both`);
  return `${wanted} versions; whoever came second was sent away ${refused} times, and then found it there`;
}

/** Until it is there. @returns how often somebody else was at it */
async function registerTogether(
  { registry }: GatewayOnStore,
  version: AddingVersion,
): Promise<number> {
  let refused = 0;
  const isThere = async () => {
    try {
      const { artifact } = await uploadAndRegister(registry, MODEL, version);
      return artifact?.state === "ready";
    } catch (thrown) {
      if (!(thrown instanceof Refusal && thrown.status === 409)) throw thrown;
      refused += 1;
      return false;
    }
  };
  expect(await becomes(isThere, LIMIT_MS), `version ${version.version} never was registered`);
  return refused;
}
