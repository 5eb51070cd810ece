/** A version is retired that has a request which does not end until its client gives up. */
import { expect } from "../../support/cases.ts";
import { scrape, sum } from "../../support/metrics.ts";
import { addingVersion, uploadAndRegister } from "./adding-versions.ts";
import { HttpAsker, indexOf } from "./askers.ts";
import { becomes } from "./becomes.ts";
import { StorePlace } from "./gateway-on-store.ts";
import { Refusal } from "./registry-client.ts";

const MODEL = "endless";
const PENDING = "nv_inference_pending_request_count";
/** It lies in the queue for so long, as nobody shares its batch. */
const QUEUED_US = 600_000_000;
const LIMIT_MS = 30_000;

export async function unendingRequest(): Promise<string> {
  const place = new StorePlace();
  const gateway = await place.start({ flags: ["--exit-timeout-secs", "1"] });
  const asker = new HttpAsker(gateway.httpPort);
  const { registry } = gateway;
  try {
    const slow = addingVersion("1", 1);
    await uploadAndRegister(registry, MODEL, slow, { queuedUs: QUEUED_US });
    await uploadAndRegister(registry, MODEL, addingVersion("2", 2));
    const asked = asker.ask(MODEL, 1, { digest: slow.digest }).then(
      ({ version }) => `version ${version} answered`,
      () => "given up",
    );
    const pending = async () => sum(await scrape(gateway.metricsPort), PENDING, { model: MODEL });
    const waits = async () => (await pending()) === 1;
    expect(await becomes(waits, LIMIT_MS), "the request never came to its queue");
    await registry.change(MODEL, "promote", { version: "2" });
    const retire = () => registry.change(MODEL, "retire", { version: "1" });
    const told = await retire().catch((thrown: unknown) => thrown);
    const clear = told instanceof Refusal && told.code === "UNAVAILABLE";
    expect(clear && told.message.includes("retire it again"), `it is told as: ${told}`);
    const state = (await indexOf(gateway.httpPort)).get(`${MODEL} 1`);
    expect(state === "UNLOADING", `the index says ${state}`);
    asker.close();
    expect((await asked) === "given up", await asked);
    const { generation } = await registry.model(MODEL);
    // Over by now, or soon.
    const again = await retire().catch((thrown: unknown) => thrown);
    const over = again instanceof Refusal ? again.message : "it was waited for";
    const ended = !(again instanceof Refusal) || over.includes("nothing to retire");
    expect(ended, `after the last request: ${over}`);
    expect((await registry.model(MODEL)).generation === generation, "it was changed again");
    return told.message;
  } finally {
    asker.close();
    await gateway.stop();
    place.remove();
  }
}
