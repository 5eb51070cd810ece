/** What requests hold: the `payload` of a stream. */
import { z } from "zod";
import { count, key, nameOf, parameters } from "./words.ts";

/** Generators of physics; each fits one shape of model. */
export const GENERATORS = [
  "jet-observables",
  "jet-observables-mev",
  "jet-constituents",
  "l1-objects",
  "calorimeter",
  "tracks",
  "edges",
  "graph",
  "met",
] as const;

const pool = () =>
  key(count(1).max(100_000).default(64), "Distinct requests of each size; they are sent in turn");

const signalShare = () =>
  key(
    z.number().min(0).max(1).optional(),
    "Share of rows that are signal, for jets and l1-objects; absent: as the generator has it",
  );

export const payloadSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("physics"),
    generator: key(z.enum(GENERATORS), "What is generated, with its truth"),
    signalShare: signalShare(),
    pool: pool(),
  }),
  z.strictObject({
    kind: z.literal("random"),
    shapes: key(
      z.record(z.string(), z.array(count(1))).default({}),
      "Lengths of open axes by input, without the batch axis: `hits: [120]`",
    ),
    pool: pool(),
  }),
  z.strictObject({
    kind: z.literal("files"),
    path: key(nameOf(), "An .npz file with an array an input, or a folder of .npy files"),
    truth: key(z.string().optional(), "Array of the truth variable, one value a row"),
    signal: key(z.string().optional(), "Array of labels: 1 signal, 0 background"),
    pool: pool(),
  }),
  z.strictObject({
    kind: z.literal("recorded"),
    file: key(nameOf(), "A recorded trace: JSON lines with `inputs`"),
  }),
  z.strictObject({
    kind: z.literal("generated"),
    by: key(nameOf(), "Model whose outputs are the events (two-vendor mode)"),
    byVersion: key(z.string().default(""), "Its version"),
    parameters: key(parameters(), "Sent with each request to it: `beamgate_vendor: xilinx`"),
    from: key(
      z.strictObject({
        generator: key(z.enum(GENERATORS), "What the generating model is asked"),
        signalShare: signalShare(),
      }),
      "Requests of the generating model",
    ),
    map: key(
      z.record(z.string(), z.string()),
      "Input of the judging model: output of the generating one",
    ),
    pool: pool(),
  }),
]);
