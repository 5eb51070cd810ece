/** The state of the gateway in five seconds. */
import type { Alert, Snapshot } from "../../../../inference/dashboard-report.ts";
import { chart } from "../chart.ts";
import { el } from "../dom.ts";
import { moment, ms, number } from "../format.ts";
import { type Column, table } from "../table.ts";
import { mark } from "./marks.ts";
import type { View, ViewContext } from "./view.ts";

const ALERTS: readonly Column<Alert>[] = [
  { title: "Level", cell: ({ level }) => mark(level, level === "bad" ? "alarm" : "look") },
  { title: "What", kind: "name", cell: ({ what }) => what },
  { title: "Why", kind: "text", cell: ({ text }) => text },
  {
    title: "Runbook",
    cell: ({ page }) => ({ text: page, node: el("a", { href: `/runbook/${page}` }, page) }),
  },
];

export const overview: View = {
  name: "overview",
  title: "Overview",
  draw: (context) => [
    tiles(context),
    table(
      context.snapshot.alerts,
      {
        title: "Alerts",
        columns: ALERTS,
        empty: "Nothing needs attention.",
        promql: 'ALERTS{alertstate="firing"}',
      },
      context.find,
      context.redraw,
    ),
    chart(
      "Rows a second",
      context.points,
      [
        { title: "rows/s", of: ({ rows }) => rows },
        { title: "requests/s", of: ({ requests }) => requests },
        { title: "failures/s", of: ({ failures }) => failures },
      ],
      number,
      context.redraw,
      "sum(rate(nv_inference_count[1m]))",
    ),
    chart(
      "Latency",
      context.points,
      [
        { title: "p50", of: ({ p50Ms }) => p50Ms },
        { title: "p99", of: ({ p99Ms }) => p99Ms },
      ],
      ms,
      context.redraw,
      "histogram_quantile(0.99, sum by (le) (rate(beamgate_request_seconds_bucket[1m])))",
    ),
    gateways(context),
  ],
};

function tiles({ snapshot, linkTo }: ViewContext): Node {
  const { total, devices, models, tenants } = snapshot;
  const serving = models.filter(({ state }) => state === "READY").length;
  const able = devices.filter(
    ({ state, breaker }) => state === "ready" && breaker !== "open",
  ).length;
  const tile = (value: string, text: string, view: string) =>
    el("div", { class: "tile" }, el("b", {}, value), el("a", { href: linkTo(view) }, text));
  return el(
    "div",
    { class: "tiles" },
    tile(number(total.requestsPerSecond), "requests/s", "models"),
    tile(number(total.rowsPerSecond), "rows/s", "models"),
    tile(ms(total.p99Ms), "p99 latency", "models"),
    tile(number(total.failuresPerSecond), "failures/s", "models"),
    tile(number(total.waiting), "requests wait", "models"),
    tile(`${serving} of ${models.length}`, "models serve", "models"),
    tile(`${able} of ${devices.length}`, "devices ready", "fleet"),
    ...(tenants.length > 0 ? [tile(String(tenants.length), "tenants", "shares")] : []),
  );
}

type Gateway = Snapshot["cluster"]["gateways"][number];

function gateways({ snapshot: { cluster }, find, redraw }: ViewContext): Node {
  const columns: Column<Gateway>[] = [
    {
      title: "Gateway",
      kind: "name",
      cell: ({ id, self }) => ({
        text: self ? `${id} (this one)` : id,
        node: el(
          "span",
          { class: "tagged" },
          `${id} `,
          self ? el("span", { class: "tag" }, "this one") : undefined,
        ),
      }),
    },
    { title: "Address", cell: ({ address }) => address },
    { title: "Version", cell: ({ version }) => version },
    { title: "Since", cell: ({ since }) => ({ text: moment(since), value: since }) },
  ];
  const redis = cluster.redis === "off" ? [] : [el("span", {}, `Redis: ${cluster.redis}`)];
  // One that stands alone tells nobody of others.
  const promql = cluster.redis === "off" ? {} : { promql: "beamgate_gateway_info" };
  return table(
    cluster.gateways,
    { title: "Gateways", columns, empty: "None.", more: redis, ...promql },
    find,
    redraw,
  );
}
