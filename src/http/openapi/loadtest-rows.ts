/** Load tests of a gateway against itself, in the OpenAPI document. */
import { json, type Row } from "./operation.ts";

const tag = "loadtests";
const LOADTESTS = "/v2/beamgate/loadtests";

export const LOADTEST_ROWS: readonly Row[] = [
  [
    "get",
    LOADTESTS,
    { tag, summary: "Presets, what runs now, and the last reports", answer: json("Loadtests") },
  ],
  [
    "post",
    LOADTESTS,
    {
      tag,
      summary: "Start a preset against this gateway",
      body: "LoadtestOrder",
      answer: json("LoadtestRun"),
    },
  ],
  [
    "post",
    `${LOADTESTS}/{run}/stop`,
    { tag, summary: "End it now, and report what was measured", answer: json("Any") },
  ],
  [
    "get",
    `${LOADTESTS}/{run}/report`,
    { tag, summary: "The report, a page that asks for nothing", answer: { "text/html": "text" } },
  ],
  [
    "get",
    `${LOADTESTS}/{run}/result`,
    { tag, summary: "The result, as `loadtest --output` writes it", answer: json("Any") },
  ],
];

const text = { type: "string" };
const number = { type: "number" };
const names = { type: "array", items: text };
const run = {
  ...{ id: text, preset: text, title: text, startedAt: text, models: names },
  who: { ...text, description: "who started it" },
  seconds: { ...number, description: "measured, as it was ordered" },
};
const object = (properties: object) => ({ type: "object", properties });

export const LOADTEST_SCHEMAS = {
  LoadtestOrder: {
    ...object({
      preset: { ...text, description: "name of a preset" },
      seconds: { ...number, minimum: 1, maximum: 3600, description: "default: as the preset says" },
      key: { ...text, description: "API key that the load is sent with; a secret" },
      token: {
        ...text,
        description: "token that the load is sent with, in place of a key; a secret",
      },
      who: { ...text, description: "a name for the audit log, where nobody is authenticated" },
    }),
    required: ["preset"],
  },
  LoadtestRun: object(run),
  Loadtests: object({
    off: { ...text, description: "why none can be started here" },
    presets: {
      type: "array",
      items: object({ name: text, title: text, seconds: number, models: names }),
    },
    running: object({
      ...run,
      stopping: { type: "boolean" },
      said: names,
      looks: {
        type: "array",
        items: object({
          label: text,
          phase: { type: "string", enum: ["warm-up", "measuring", "draining"] },
          ...{ elapsedMs: number, totalMs: number, answeredPerSecond: number, p50Ms: number },
          ...{ p99Ms: number, inFlight: number, failed: number, lateShare: number },
        }),
      },
    }),
    finished: {
      type: "array",
      items: object({
        ...run,
        ...{ finishedAt: text, why: text, stoppedBy: text, answeredPerSecond: number },
        ...{ p50Ms: number, p99Ms: number, failed: number, bytes: number },
        emulated: { type: "boolean" },
        verdict: { type: "string", enum: ["ok", "missed", "invalid", "failed"] },
      }),
    },
  }),
};
