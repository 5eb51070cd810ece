/** One of two gateways dies in the middle of a registration: the other serves on, and ends it. */
import { Random } from "../../../models/make/random.ts";
import { expect } from "../../support/cases.ts";
import { addingVersion, uploadAndRegister } from "./adding-versions.ts";
import type { Pair, StorePlace } from "./gateway-on-store.ts";
import { Refusal } from "./registry-client.ts";
import { ServedLoad } from "./served-load.ts";

const MODEL = "survivor";
const CLIENTS = 8;
const PADDING = 300_000;
const PIECES = 4;

/** @param pair its second gateway is killed and started again, and then changes places with the first */
export async function outliveEachOther(
  pair: Pair,
  place: StorePlace,
  kills: number,
): Promise<string> {
  const random = new Random(3);
  const first = addingVersion("1", 1);
  const begunAt = performance.now();
  await uploadAndRegister(pair[0].registry, MODEL, first);
  let tookMs = performance.now() - begunAt;
  let acknowledged = 0;
  let answered = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const [survivor, victim] = pair;
    const load = new ServedLoad({ ...survivor, model: MODEL, clients: CLIENTS });
    load.knows(first);
    load.allow("1");
    load.start();
    try {
      const version = addingVersion(String(kill + 2), kill + 2, PADDING);
      const registration = uploadAndRegister(victim.registry, MODEL, version, { pieces: PIECES });
      const ended = registration.then(
        () => "acknowledged",
        (thrown: unknown) => thrown,
      );
      await new Promise((resolve) => setTimeout(resolve, random.uniform(0, tookMs)));
      await victim.kill();
      const end = await ended;
      expect(!(end instanceof Refusal), `before it was killed it said ${end}`);
      const againAt = performance.now();
      const { artifact, unchanged } = await uploadAndRegister(survivor.registry, MODEL, version);
      tookMs = performance.now() - againAt;
      expect(
        artifact?.state === "ready",
        `${version.version}: ${artifact?.state}: ${artifact?.reason}`,
      );
      if (end === "acknowledged") {
        acknowledged += 1;
        expect(
          unchanged === true,
          `version ${version.version} was acknowledged, and is new to the other`,
        );
      }
      await load.more(CLIENTS);
      const another = await place.start();
      pair[1] = survivor;
      pair[0] = another;
      const lists = await Promise.all(pair.map(({ registry }) => registry.list()));
      expect(
        lists[0]?.generation === lists[1]?.generation,
        `generations ${lists.map(({ generation }) => generation).join(" and ")}`,
      );
    } finally {
      await load.stop();
      answered += load.unpinned;
    }
    const troubles = load.troubles();
    expect(troubles === undefined, `${troubles}\n${survivor.log().slice(-1500)}`);
  }
  return `${kills} kills, ${acknowledged} after the acknowledgement; ${answered} requests to the other, all answered`;
}
