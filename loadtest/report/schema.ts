/**
 * What a run found, as `result.json` holds it: the published form. Everything that
 * is printed, drawn or compared is made from it alone. Times in ms unless a name
 * says otherwise; shares from 0 to 1.
 */
import { z } from "zod";

export const SCHEMA_ID = "beamgate-loadtest/1";

const share = z.number().min(0).max(1);
const count = z.number().int().min(0);

const quantile = z.object({
  share: share.describe("share of the answers that took no longer"),
  ms: z.number(),
  quotable: z.boolean().describe("false: too few samples to quote it"),
  needed: count.describe("samples needed before it is quoted"),
});

const latency = z.object({
  count,
  meanMs: z.number(),
  deviationMs: z.number(),
  maxMs: z.number(),
  quantiles: z.array(quantile),
  histogram: z.string().describe("HdrHistogram V2, compressed, base64; one unit is 0.1 µs"),
});

const split = z
  .object({
    queueMs: z.number(),
    computeInputMs: z.number(),
    computeInferMs: z.number(),
    computeOutputMs: z.number(),
    serverOverheadMs: z.number().describe("in the server, in none of the above"),
    networkMs: z.number().describe("latency from the real start, less all that the server counted"),
    batchRows: z
      .array(z.object({ rows: count, executions: count }))
      .describe("executions by rows of the batch"),
    executions: count,
    inferences: count,
  })
  .describe("means per request, from the server's statistics before and after");

export const pointSchema = z.object({
  label: z.string(),
  concurrency: z.number().optional(),
  offeredPerSecond: z.number().describe("requests that fell due, or were sent in a closed loop"),
  answeredPerSecond: z.number(),
  rowsPerSecond: z.number(),
  seconds: z.number().describe("measured, warm-up not included"),
  sent: count,
  answered: count,
  failures: z.array(z.object({ reason: z.string(), count })),
  unanswered: z.object({ count, oldestMs: z.number() }),
  dropped: count.describe("never sent: more was unanswered than the generator holds"),
  latency: latency.describe("of good answers, from the intended time"),
  service: latency.describe("of good answers, from when the request really went"),
  budgets: z.array(
    z.object({
      ms: z.number(),
      inTime: share.describe("of all requests that fell due; unanswered and failed ones are late"),
    }),
  ),
  split: split.optional(),
  stable: z.boolean().optional().describe("closed loop: the last windows agreed"),
  windows: z.array(z.object({ answeredPerSecond: z.number(), latencyMs: z.number(), late: share })),
  generator: z.object({
    processes: count,
    lateShare: share,
    heldShare: share.describe(
      "waited for the server's or the run's own limit of requests in flight",
    ),
    lagP50Ms: z.number(),
    lagP99Ms: z.number(),
    lagMaxMs: z.number(),
    cpuShare: z.number().describe("of its core, of the busiest process"),
    reconnects: count,
    bytesOutPerSecond: z.number(),
    bytesInPerSecond: z.number(),
  }),
  invalid: z.array(z.string()).describe("why this measurement must not be quoted; empty: it may"),
});

const interval = z.object({ value: z.number(), low: z.number(), high: z.number() });

export const triggerSchema = z.object({
  threshold: z.number(),
  prescale: z.number(),
  describe: z.string().describe("rules of the decision in words"),
  eventsPerSecond: z.number().describe("rate in the experiment of the events that these stand for"),
  deadShare: share.describe("of the events' crossings, any cause"),
  events: count.describe("events (rows) that fell due"),
  scored: count,
  accepted: count.describe("above the threshold, before dead time and prescale"),
  read: count.describe("accepted in time, outside dead time, after the prescale"),
  late: count.describe("events whose answer came after the budget, or not at all"),
  outputPerSecond: z.number().describe("in the experiment"),
  deadTime: z
    .array(z.object({ cause: z.string(), share, refused: count }))
    .describe("shares that no cause before explains: they add up"),
  rate: z.array(
    z.object({ threshold: z.number(), perSecond: z.number(), low: z.number(), high: z.number() }),
  ),
  turnOn: z
    .object({
      variable: z.string(),
      bins: z.array(
        z.object({ from: z.number(), to: z.number(), events: count, ...interval.shape }),
      ),
      fit: z
        .object({ plateau: z.number(), halfAt: z.number(), width: z.number() })
        .optional()
        .describe("0.5 plateau (1 + erf((x - halfAt) / (sqrt 2 width)))"),
    })
    .optional(),
  roc: z
    .object({
      area: z.number(),
      points: z.array(z.object({ threshold: z.number(), signal: share, background: share })),
    })
    .optional(),
});

export const crossingsSchema = z.object({
  fillingScheme: z.string(),
  slots: z.array(
    z.object({
      bx: count,
      requests: count,
      meanMs: z.number(),
      maxMs: z.number(),
      dead: share.describe("of the events of this crossing, lost to dead time"),
    }),
  ),
});

export const agreementSchema = z.object({
  reference: z.string(),
  compared: count.describe("events that both answered"),
  bitExact: count,
  decisionsFlipped: count,
  largestDifference: z.number(),
});

export const capacitySchema = z.object({
  budget: z.object({ share, ms: z.number() }),
  rate: z.object({ perSecond: z.number(), low: z.number(), high: z.number() }),
  repeats: z.array(z.number()),
  devices: count.optional(),
  clientRatePerSecond: z.number().optional().describe("what one client asks for"),
  clientsPerDevice: z.number().optional(),
  bytesPerSecondPerClient: z.number().optional(),
  localMs: z.number().optional().describe("the same inference without a network, as it was given"),
  oneClientMs: z.number().optional().describe("p50 of one client that waits for each answer"),
  overheadMs: z.number().optional(),
  overheadOver: z.enum(["given local figure", "server's own compute time"]).optional(),
  steps: z.array(z.object({ perSecond: z.number(), p: z.number(), met: z.boolean() })),
});

export const resultSchema = z.object({
  schema: z.literal(SCHEMA_ID),
  tool: z.object({ name: z.string(), version: z.string(), node: z.string() }),
  startedAt: z.string(),
  finishedAt: z.string(),
  host: z.object({
    cpu: z.string(),
    cores: count,
    memoryBytes: count,
    system: z.string(),
    loadAverage: z.array(z.number()),
  }),
  scenario: z.object({
    name: z.string(),
    title: z.string(),
    seed: z.number(),
    scale: z.string().describe("how the load relates to that of the experiment"),
    settings: z.record(z.string(), z.unknown()),
  }),
  server: z.object({
    url: z.string(),
    protocol: z.string(),
    name: z.string(),
    version: z.string(),
    statistics: z.boolean(),
  }),
  model: z.object({ name: z.string(), version: z.string(), platform: z.string() }),
  origins: z
    .array(
      z.object({
        device: z.string(),
        variant: z.string(),
        artifact: z.string(),
        emulated: z.boolean(),
        answers: count,
      }),
    )
    .describe("what answered, as answers tell of it; empty: they do not"),
  emulated: z
    .boolean()
    .describe("at least one answer came from a device that software stands in for"),
  intended: z.object({
    count,
    sha256: z.string().describe("of all intended times, as little-endian float64 in ns"),
    firstNs: z.array(z.number()),
  }),
  ceiling: z
    .object({
      perSecond: z.number(),
      perCpuSecond: z.number(),
      protocol: z.string(),
    })
    .optional()
    .describe("what one generator process reaches against a server that does nothing"),
  validity: z.object({ valid: z.boolean(), reasons: z.array(z.string()) }),
  points: z.array(pointSchema),
  main: count.describe("position in `points` of the one that the curves are about"),
  trigger: triggerSchema.optional(),
  crossings: crossingsSchema.optional(),
  agreement: agreementSchema.optional(),
  capacity: capacitySchema.optional(),
  stages: z
    .array(
      z.object({
        name: z.string(),
        model: z.string(),
        url: z.string(),
        meanMs: z.number(),
        p99Ms: z.number(),
      }),
    )
    .optional()
    .describe("two-vendor mode: what makes the events, and what judges them"),
  fairness: share
    .optional()
    .describe("several streams: Jain's index of the shares of their requests that were answered"),
  objectives: z.array(
    z.object({
      text: z.string(),
      value: z.number(),
      found: z.string().describe("the value as people read it"),
      met: z.boolean(),
    }),
  ),
  notes: z.array(z.string()),
});

export type Result = z.infer<typeof resultSchema>;
export type Point = z.infer<typeof pointSchema>;
export type TriggerFigures = z.infer<typeof triggerSchema>;
export type Crossings = z.infer<typeof crossingsSchema>;
export type Agreement = z.infer<typeof agreementSchema>;
export type Capacity = z.infer<typeof capacitySchema>;

/** @throws Error that names the first field that does not fit */
export function readResult(json: unknown, file: string): Result {
  const read = resultSchema.safeParse(json);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const path = issue?.path.join(".") ?? "";
  throw new Error(
    `${file} is no ${SCHEMA_ID} result: ${path === "" ? "" : `${path}: `}${issue?.message}`,
  );
}

/** The schema as JSON Schema: what is published. */
export function publishedSchema(): object {
  return z.toJSONSchema(resultSchema);
}
