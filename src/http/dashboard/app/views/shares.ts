/** What each experiment is promised and gets; its terms are edited here. */
import type { TenantFigures } from "../../../../inference/dashboard-report.ts";
import { el } from "../dom.ts";
import { number, percent } from "../format.ts";
import { type Cell, type Column, table } from "../table.ts";
import { editTerms } from "./edit-terms.ts";
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
      cell: ({ borrowed }) => ({ text: percent(borrowed), value: borrowed ?? -1 }),
    },
    {
      title: "Requests/s",
      kind: "n",
      cell: ({ requestsPerSecond }) => ({
        text: number(requestsPerSecond),
        value: requestsPerSecond,
      }),
    },
    {
      title: "Throttled/s",
      kind: "n",
      cell: ({ throttledPerSecond }) => ({
        text: number(throttledPerSecond),
        value: throttledPerSecond ?? -1,
      }),
    },
    {
      title: "Rows wait",
      kind: "n",
      cell: ({ waiting }) => ({ text: number(waiting), value: waiting }),
    },
    { title: "Quotas", cell: quotasOf },
    { title: "Models", kind: "text", cell: ({ models }) => models.join(", ") },
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
    ];
  },
};
