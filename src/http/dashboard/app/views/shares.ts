/** What each experiment is promised and gets; its terms are edited here. */
import type { TenantFigures } from "../../../../inference/dashboard-report.ts";
import type { TenantChanged } from "../../../../inference/tenant-report.ts";
import { el } from "../dom.ts";
import { number, percent } from "../format.ts";
import { type TenancyEntry, tenancyAudit } from "../registry/records.ts";
import { detailsText } from "../registry/words.ts";
import { type Cell, type Column, table } from "../table.ts";
import { type AuditRow, auditTable } from "./audit-table.ts";
import { differences, editTerms } from "./edit-terms.ts";
import { bar } from "./marks.ts";
import type { View, ViewContext } from "./view.ts";

function columnsOf({ who, snapshot, redraw }: ViewContext): Column<TenantFigures>[] {
  const columns: Column<TenantFigures>[] = [
    { title: "Tenant", kind: "name", cell: ({ name }) => name },
    {
      title: "Guaranteed",
      kind: "n",
      cell: ({ guarantee }) => ({ text: percent(guarantee), value: guarantee }),
    },
    { title: "Weight", kind: "n", cell: ({ weight }) => ({ text: number(weight), value: weight }) },
    { title: "Share of device time", kind: "bar", cell: ({ share }) => bar(share) },
    {
      title: "Of it borrowed",
      kind: "n",
      cell: ({ borrowed }) => ({ text: percent(borrowed), value: borrowed ?? null }),
    },
    {
      title: "Requests/s",
      kind: "n",
      cell: ({ requestsPerSecond }) => ({
        text: number(requestsPerSecond),
        value: requestsPerSecond ?? null,
      }),
    },
    {
      title: "Throttled/s",
      kind: "n",
      cell: ({ throttledPerSecond }) => ({
        text: number(throttledPerSecond),
        value: throttledPerSecond ?? null,
      }),
    },
    {
      title: "Rows wait",
      kind: "n",
      cell: ({ waiting }) => ({ text: number(waiting), value: waiting }),
    },
    { title: "Quotas", cell: quotasOf },
    {
      title: "Models",
      kind: "text",
      cell: ({ models }) => (models.includes("*") ? "all" : models.join(", ")),
    },
    { title: "Client", cell: ({ sonic }) => (sonic ? "CMSSW" : "any") },
  ];
  if (who?.may("operate") !== true) return columns;
  const edit = (tenant: TenantFigures) =>
    el(
      "button",
      { type: "button", click: () => editTerms(tenant, snapshot.termsGeneration, redraw) },
      `Edit ${tenant.name}`,
    );
  return [...columns, { title: "Terms", cell: (tenant) => ({ text: "edit", node: edit(tenant) }) }];
}

function quotasOf({ quota, used }: TenantFigures): Cell | string {
  const limits = Object.entries(quota).map(([limit, most]) => {
    const now = used[limit as keyof typeof used] ?? 0;
    return `${limit}: ${number(now)} of ${number(most)}`;
  });
  return limits.join("; ") || "none";
}

/** Load tests and reservations are noted there without a change of the terms: it is asked for now and then. */
const AUDIT_MS = 15_000;

function audit(context: ViewContext): readonly Node[] {
  const { snapshot, find, redraw } = context;
  if (snapshot.tenants.length === 0) return [];
  const turn = Math.floor(Date.parse(snapshot.at) / AUDIT_MS);
  const told = tenancyAudit("", turn * AUDIT_MS + snapshot.termsGeneration, redraw);
  return told === undefined ? [] : [auditTable(told.value.map(auditRow), find, context)];
}

function auditRow(entry: TenancyEntry): AuditRow {
  const { at, who, action, generation, before, after, tenant, ...more } = entry;
  const changed = before === undefined || after === undefined ? [] : differences(termsOf(entry));
  const about = tenant === undefined ? detailsText(more) : String(tenant);
  return {
    ...{ at, who, action, generation },
    details: changed.length === 0 ? about : `${about}: ${changed.join(", ")}`,
  };
}

const termsOf = ({ before, after }: TenancyEntry) => ({ before, after }) as TenantChanged;

export const shares: View = {
  name: "shares",
  title: "Shares",
  draw: (context) => {
    const { snapshot, find, redraw } = context;
    const columns = columnsOf(context);
    const empty = "This gateway knows no tenants: name a file of them (--tenants-file).";
    const promql = "sum by (tenant) (rate(beamgate_usage_device_seconds_total[1m]))";
    const open = snapshot.authenticated
      ? []
      : [
          el(
            "p",
            { class: "notice warn" },
            "Nobody is asked who he is: whoever reaches a port of this gateway may do everything.",
          ),
        ];
    return [
      ...open,
      table(snapshot.tenants, { title: "Tenants", columns, empty, promql }, find, redraw),
      ...audit(context),
    ];
  },
};
