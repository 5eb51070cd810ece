/** When events come: the `arrivals` of a scenario. */
import { z } from "zod";
import { count, key, nameOf, positive } from "./words.ts";

const rate = () => positive().max(1e7);

const mode = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sample"),
    oneIn: key(
      positive().min(1),
      "One in so many events is sent, chosen at random, at its true time and BCID",
    ),
  }),
  z.strictObject({
    kind: z.literal("dilate"),
    by: key(positive().min(1), "All LHC times are multiplied by it: 1000 makes slots of 25 µs"),
    oneIn: key(positive().min(1).default(1), "One in so many events is sent, chosen at random"),
  }),
  z.strictObject({
    kind: z.literal("packed"),
    as: key(
      z.enum(["train", "orbit", "slice"]),
      "Events of one train, orbit or slice of time are one request",
    ),
    sliceBx: key(count(1).max(3564).default(891), "Length of a slice", "crossings"),
    oneIn: key(positive().min(1).default(1), "One in so many of these requests is sent"),
    dilate: key(positive().min(1).default(1), "All LHC times are multiplied by it"),
  }),
]);

export const arrivalsSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("closed"),
    concurrency: key(count(1), "Requests kept in flight, of each stream"),
  }),
  z.strictObject({ kind: z.literal("constant"), perSecond: key(rate(), "Events", "1/s") }),
  z.strictObject({ kind: z.literal("poisson"), perSecond: key(rate(), "Mean of events", "1/s") }),
  z.strictObject({
    kind: z.literal("ramp"),
    fromPerSecond: key(z.number().min(0).max(1e7), "Rate at the start", "1/s"),
    toPerSecond: key(z.number().min(0).max(1e7), "Rate at the end, kept from then on", "1/s"),
    overS: key(positive(), "Length of the ramp", "s"),
    distribution: key(z.enum(["constant", "poisson"]).default("poisson"), "Around that rate"),
  }),
  z.strictObject({
    kind: z.literal("intervals"),
    file: key(nameOf(), "perf_analyzer's --request-intervals: µs between requests, one a line"),
  }),
  z.strictObject({
    kind: z.literal("replay"),
    file: key(nameOf(), "A recorded trace: JSON lines with `atMs`"),
    speed: key(positive().default(1), "2: twice as fast as it was"),
    repeat: key(z.boolean().default(true), "From the beginning again when it is over"),
  }),
  z.strictObject({
    kind: z.literal("lhc"),
    filling: key(nameOf().default("nominal-2808b"), "Name of a filling scheme, or a file of one"),
    mode: key(mode, "How 40 MHz become what a computer can send"),
    acceptedHz: key(
      positive().optional(),
      "Rate of the events that an earlier trigger level passed, chosen at random; absent: all colliding crossings",
      "Hz",
    ),
    pileUp: key(
      z.number().min(0).default(0),
      "Mean of collisions in a crossing (Poisson); empty crossings ask nothing; 0: every crossing has an event",
    ),
    release: key(
      z.enum(["crossing", "orbit"]).default("crossing"),
      "orbit: the requests of an orbit are due together, at its end",
    ),
  }),
  z.strictObject({
    kind: z.literal("jobs"),
    jobs: key(count(1).max(1e6), "Jobs of a batch system that run at the same time"),
    waves: key(count(1).default(1), "They start in so many waves"),
    waveEveryS: key(positive().default(5), "Time between two waves", "s"),
    spreadS: key(z.number().min(0).default(1), "Starts of a wave are spread over it", "s"),
    eventMs: key(positive(), "Mean time a job spends on an event before it asks again", "ms"),
    eventSpread: key(z.number().min(0).max(3).default(0.5), "Sigma of its logarithm (log-normal)"),
  }),
]);

export type ArrivalsSpec = z.infer<typeof arrivalsSchema>;
export type LhcSpec = Extract<ArrivalsSpec, { kind: "lhc" }>;
export type ModeSpec = LhcSpec["mode"];
