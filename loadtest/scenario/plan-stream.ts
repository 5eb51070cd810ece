/** A scenario made into what is sent: for each stream its arrivals, its requests and its trigger. */
import { makeArrivals } from "../arrivals/arrivals.ts";
import { perEvent } from "../arrivals/per-event.ts";
import { randomFor } from "../arrivals/seed.ts";
import { makePayloads } from "../payloads/make-payloads.ts";
import { makeTrigger } from "../trigger/trigger.ts";
import type { Arrivals, ModelShape, StreamPlan } from "../types.ts";
import type { Scenario, Stream } from "./schema.ts";

/** @param tenant as whom */
export type AskShape = (model: string, version: string, tenant: string) => Promise<ModelShape>;

/**
 * @param ask for what a model takes: in two-vendor mode that of the model that makes the events
 * @throws StatusError where the scenario does not fit the models
 */
export async function planScenario(
  scenario: Scenario,
  ask: AskShape,
  scenarioFile?: string,
): Promise<StreamPlan[]> {
  return Promise.all(
    scenario.streams.map(async (stream): Promise<StreamPlan> => {
      const { name, model, version, tenant, payload, trigger } = stream;
      const asked =
        payload.kind === "generated"
          ? await ask(payload.by, payload.byVersion, tenant)
          : await ask(model, version, tenant);
      const context = { seed: scenario.seed, scenarioFile };
      const arrivals = streamArrivals(scenario, stream, scenarioFile);
      return {
        ...{ scenario, stream, name, model, version, tenant, arrivals },
        payloads: await makePayloads(stream, asked, context),
        ...(trigger === undefined
          ? {}
          : { trigger: (slotMs = arrivals.lhc?.slotMs) => makeTrigger(trigger, slotMs) }),
      };
    }),
  );
}

/** Streams that share the scenario's arrivals ask for the same events, at the same times. */
export function streamArrivals(
  scenario: Scenario,
  stream: Stream,
  scenarioFile?: string,
): Arrivals {
  const { seed } = scenario;
  const { name, model, share, perEvent: requests } = stream;
  const arrivals =
    stream.arrivals === undefined
      ? makeArrivals(scenario.arrivals, seed, scenarioFile, model)
      : makeArrivals(stream.arrivals, randomFor(seed, name).bits(), scenarioFile, model);
  return perEvent(arrivals, { share, requests }, seed, name);
}
