/**
 * A scenario as its YAML file says it. Every key has its meaning and unit here;
 * `describeScenario` and the published JSON Schema are made from it. Unknown keys
 * are refused (`read-scenario.ts`).
 */
import { z } from "zod";
import { arrivalsSchema } from "./arrivals-schema.ts";
import { payloadSchema } from "./payload-schema.ts";
import { triggerSchema } from "./trigger-schema.ts";
import { count, key, nameOf, parameters, positive, spread } from "./words.ts";

const stream = z.strictObject({
  name: key(nameOf(), "Name of this stream in the report"),
  model: key(nameOf(), "Model that is asked"),
  version: key(z.string().default(""), "Its version; empty: the server's choice"),
  parameters: key(parameters(), "Sent with each request to it: `beamgate_vendor: intel`"),
  tenant: key(nameOf().default("default"), "Who asks: a name of `tenants`, or of no one"),
  arrivals: key(arrivalsSchema.optional(), "In place of the scenario's arrivals"),
  share: key(
    z.number().gt(0).max(1).default(1),
    "Share of the events that ask this model, chosen at random",
  ),
  perEvent: key(
    spread().default(1),
    "Requests sent together for an event (K concurrent of a SONIC client)",
  ),
  rows: key(
    spread().default(1),
    "Rows of a request for each of its events: jets, tracks, channels. For a graph: particles",
  ),
  payload: key(payloadSchema, "What the requests hold"),
  trigger: key(triggerSchema.optional(), "What decides on the answers; absent: nothing does"),
});

const tenant = z.strictObject({
  headers: key(
    z.record(z.string(), z.string()).default({}),
    "Sent with each request; of `$NAME` and `Bearer $NAME` the last word is that variable of the environment",
  ),
  certificate: key(
    z
      .strictObject({
        chain: key(nameOf(), "PEM file of the certificate, and of those that lead to an authority"),
        key: key(nameOf(), "PEM file of its key"),
      })
      .optional(),
    "Client certificate, in place of that of the flags; files are relative to the scenario's",
  ),
});

const action = z.strictObject({
  atS: key(z.number().min(0), "When, from the start of the measurement", "s"),
  do: key(
    z.enum(["load", "unload", "drain", "undrain"]),
    "load, unload: a model, by Triton's repository API; drain, undrain: a device, by beamgate's",
  ),
  what: key(nameOf(), "Name of the model or device"),
});

export const scenarioSchema = z.strictObject({
  name: key(nameOf(), "Name of the scenario"),
  title: key(z.string().min(1), "What it is, in a sentence"),
  seed: key(count().default(1), "All that is random follows from it"),
  durationS: key(positive().default(20), "Measured time, without the warm-up", "s"),
  warmupS: key(z.number().min(0).default(2), "Time before, which counts for nothing", "s"),
  arrivals: key(arrivalsSchema, "When events come, for all streams that say nothing else"),
  streams: key(z.array(stream).min(1), "Models that are asked for each event"),
  tenants: key(z.record(z.string(), tenant).default({}), "Experiments and their identities"),
  budgetsMs: key(
    z.array(positive()).default([1, 10, 100]),
    "The report gives the share of answers within each",
    "ms",
  ),
  objectives: key(
    z.array(z.string()).default([]),
    "What the run has to reach: `p99 <= 5 ms`, `failed <= 0.1 %`, `dead time <= 3 %`",
  ),
  actions: key(z.array(action).default([]), "What is done to the server meanwhile"),
  note: key(z.string().optional(), "What a reader of the report should know"),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type Stream = Scenario["streams"][number];
