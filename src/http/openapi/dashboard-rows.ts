/** The dashboard in the OpenAPI document: its page, what it shows, its login. */
import { EVENTS, json, type Row } from "./operation.ts";

const tag = "dashboard";
const DASHBOARD = "/v2/beamgate/dashboard";
const SESSION = "/v2/beamgate/session";

export const DASHBOARD_ROWS: readonly Row[] = [
  ["get", "/", { tag, summary: "The dashboard", answer: { "text/html": "text" } }],
  ["get", "/dashboard/{file}", { tag, summary: "A file of its page", answer: { "*/*": "bytes" } }],
  [
    "get",
    `${DASHBOARD}/snapshot`,
    {
      tag,
      summary: "Everything that it shows, as of now; rates are means over the seconds before",
      query: {
        id: "of one of the newest snapshots, to see that one again; it is kept for longer then",
        points: "anything: with `points`, the totals of the snapshots before it, oldest first",
      },
      answer: json("DashboardSnapshot"),
    },
  ],
  [
    "get",
    `${DASHBOARD}/events`,
    {
      tag,
      summary: "Snapshots as they are made, each a server-sent event with its id",
      headers: { "last-event-id": "of the last one that was seen: those since come first" },
      answer: EVENTS,
    },
  ],
  [
    "get",
    `${DASHBOARD}/requests`,
    {
      tag,
      summary: "Some of the requests that ended while somebody looks",
      query: { after: "`seq` of the last one that is known; 0: none is" },
      answer: json("DashboardRequests"),
    },
  ],
  [
    "post",
    SESSION,
    { tag, summary: "Log in: the answer sets a cookie for what was shown", body: "DashboardLogin" },
  ],
  ["delete", SESSION, { tag, summary: "Log out" }],
];

const text = { type: "string" };
const flag = { type: "boolean" };
const number = { type: "number" };
const count = { type: "integer", minimum: 0 };
const rows = { type: "array", items: { type: "object" } };
const object = (properties: object) => ({ type: "object", properties });

export const DASHBOARD_SCHEMAS = {
  DashboardSnapshot: object({
    id: { ...count, description: "grows by one with every snapshot of a process" },
    at: text,
    seconds: { ...number, description: "of what the rates are means; absent in the first one" },
    ...{ version: text, site: text, authenticated: flag, ready: flag },
    cluster: { type: "object" },
    total: object({
      ...{ requestsPerSecond: number, rowsPerSecond: number, failuresPerSecond: number },
      ...{ waiting: count, p50Ms: number, p99Ms: number, p999Ms: number },
    }),
    ...{ models: rows, variants: rows, drift: rows, registryGeneration: count },
    ...{ devices: rows, workers: rows, tenants: rows, termsGeneration: count, reservations: rows },
    points: { ...rows, description: "only where they were asked for" },
    alerts: {
      type: "array",
      items: object({
        level: { type: "string", enum: ["bad", "warn"] },
        ...{ what: text, text, model: text },
        page: { ...text, description: "of the runbook" },
      }),
    },
  }),
  DashboardRequests: object({
    last: { ...count, description: "`seq` of the newest there is, whoever may see it" },
    requests: {
      type: "array",
      items: object({
        ...{ seq: count, id: text, at: text, model: text, version: text, tenant: text },
        outcome: { type: "string", enum: ["answered", "rejected", "cancelled", "failed"] },
        ...{ rows: count, batchRows: count, requests: count, device: text, variant: text },
        ...{ cached: flag, onBehalf: flag, slowest: flag },
        ...{ totalUs: count, wireUs: count, queueUs: count, batchUs: count, computeUs: count },
      }),
    },
  }),
  DashboardLogin: object({
    token: { ...text, description: "a bearer token; a secret" },
    key: { ...text, description: "an API key, in place of a token; a secret" },
  }),
};
