/** What tenants use and may use, in the OpenAPI document. */
import { json, type Row } from "./operation.ts";

const text = { type: "string" };
const count = { type: "integer", minimum: 0 };
const object = (properties: object) => ({ type: "object", properties });

export const TENANCY_ROWS: readonly Row[] = [
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
];

export const TENANCY_SCHEMAS = {
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
      refused: { type: "object", additionalProperties: count },
    }),
  },
};
