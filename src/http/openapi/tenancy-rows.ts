/** What tenants use and may use, in the OpenAPI document. */
import { LEAST_LIMIT } from "../../inference/caller.ts";
import { json, type Row } from "./operation.ts";

const text = { type: "string" };
const count = { type: "integer", minimum: 0 };
const object = (properties: object) => ({ type: "object", properties });

export const TENANCY_ROWS: readonly Row[] = [
  [
    "get",
    "/v2/beamgate/who",
    {
      tag: "tenancy",
      summary: "Whom this gateway takes you for, and what you may do",
      answer: json("Who"),
    },
  ],
  [
    "get",
    "/v2/beamgate/usage",
    {
      tag: "tenancy",
      summary: "Who used what: requests, rows, bytes, device time and refusals, from the ledger",
      query: {
        from: "Date or time; its whole hour counts (default: a day before `to`)",
        to: "Date or time, not counted any more (default: now)",
        by: "hour, day or total: of what a line is",
        tenant: "Of this one only",
        format: "json or csv",
      },
      answer: { ...json("Usage"), "text/csv": "text" },
    },
  ],
  [
    "get",
    "/v2/beamgate/tenants",
    { tag: "tenancy", summary: "What each tenant may use, and uses", answer: json("Tenants") },
  ],
  [
    "get",
    "/v2/beamgate/tenants/{tenant}",
    { tag: "tenancy", summary: "What a tenant may use, and uses", answer: json("Tenant") },
  ],
  [
    "post",
    "/v2/beamgate/tenants/{tenant}",
    {
      tag: "tenancy",
      summary: "Change the weight, the guarantee or limits of a tenant, or preview that",
      body: "TenantChange",
      answer: json("TenantChanged"),
    },
  ],
  [
    "delete",
    "/v2/beamgate/tenants/{tenant}",
    {
      tag: "tenancy",
      summary: "Give a tenant back the terms of the file of tenants",
      body: "TenancyChange?",
      answer: json("TenantChanged"),
    },
  ],
  [
    "get",
    "/v2/beamgate/tenancy/audit",
    {
      tag: "tenancy",
      summary: "Who changed what of tenants, newest first",
      query: { limit: "At most so many (default 100)" },
      answer: json("TenancyAudit"),
    },
  ],
  [
    "get",
    "/v2/beamgate/reservations",
    {
      tag: "tenancy",
      summary: "Windows in which devices are withdrawn for a tenant",
      answer: json("Reservations"),
    },
  ],
  [
    "post",
    "/v2/beamgate/reservations",
    {
      tag: "tenancy",
      summary: "Add a window, of every week or once",
      body: "Reservation",
      answer: json("Reservations"),
    },
  ],
  [
    "delete",
    "/v2/beamgate/reservations/{reservation}",
    {
      tag: "tenancy",
      summary: "Remove one that was added; its devices are returned",
      body: "TenancyChange?",
      answer: json("Reservations"),
    },
  ],
];

const names = { type: "array", items: text };
const limit = { type: ["number", "null"], minimum: LEAST_LIMIT };
const quota = object({
  rowsPerSecond: limit,
  bytesPerSecond: limit,
  concurrentBytes: limit,
  deviceSecondsPerDay: limit,
});
const share = { type: "number", minimum: 0, maximum: 1 };
const weight = { type: "number", exclusiveMinimum: 0 };
const terms = object({ weight, guarantee: share, quota });
const change = {
  who: { ...text, description: "a name for the audit log, where nobody is authenticated" },
  generation: { ...count, description: "that the change was made from" },
  dryRun: { type: "boolean", description: "only tell what would change" },
};
const tenant = {
  ...{ name: text, weight, guarantee: share, sonic: { type: "boolean" } },
  ...{ models: names, quota, used: quota, changed: { type: "object" } },
};

export const TENANCY_SCHEMAS = {
  Who: object({
    asked: { type: "boolean", description: "false: anybody may do everything" },
    subject: { ...text, description: "a certificate's name, a token's issuer and subject, ..." },
    how: { type: "string", enum: ["certificate", "token", "key", "listener", "anonymous"] },
    ...{ tenant: text, roles: names, models: names },
  }),
  Tenant: object({ ...tenant, generation: count }),
  Tenants: object({
    generation: count,
    durable: { type: "boolean", description: "false: changes end with the process" },
    tenants: { type: "array", items: object(tenant) },
  }),
  TenancyChange: object(change),
  TenantChange: object({ ...change, weight, guarantee: share, quota }),
  TenantChanged: object({ before: terms, after: terms, generation: count }),
  Reservation: object({
    ...{ who: change.who, generation: change.generation, name: text, tenant: text },
    devices: { ...names, description: "ids; * stands for any characters" },
    models: {
      ...names,
      description: "default: those of the tenant; none: nothing of this gateway",
    },
    from: { ...text, description: "`Fri 20:00` of every week, or `2026-12-04T20:00Z`" },
    to: { ...text, description: "in the same form" },
    zone: { ...text, description: "of windows of every week (default UTC)" },
    lead: { type: "number", minimum: 0, description: "minutes that others are drained before" },
  }),
  Reservations: object({
    generation: count,
    durable: { type: "boolean", description: "false: what was added ends with the process" },
    reservations: {
      type: "array",
      items: object({
        ...{ name: text, tenant: text, devices: names, models: names, holds: names },
        ...{ leadMinutes: { type: "number" }, from: text, to: text, trouble: text },
        state: { type: "string", enum: ["over", "waiting", "draining", "running"] },
        origin: { type: "string", enum: ["file", "added"] },
      }),
    },
  }),
  TenancyAudit: { type: "array", items: { type: "object" } },
  Usage: {
    type: "array",
    items: object({
      hour: text,
      tenant: text,
      model: text,
      version: text,
      variant: text,
      device: text,
      requests: count,
      rows: count,
      bytesIn: count,
      bytesOut: count,
      deviceSeconds: { type: "number" },
      joules: {
        type: ["number", "null"],
        description: "in measuredSeconds of them; null: not measured",
      },
      measuredSeconds: { type: "number" },
      refused: { type: "object", additionalProperties: count },
    }),
  },
};
