/** Models and their versions: what they do now, and why some do not serve. */
import type { ModelFigures } from "../../../../inference/dashboard-report.ts";
import { ms, number } from "../format.ts";
import { type Cell, type Column, table } from "../table.ts";
import { type Level, mark } from "./marks.ts";
import type { View } from "./view.ts";

const LEVELS: Readonly<Record<string, Level>> = {
  READY: "good",
  LOADING: "warn",
  UNLOADING: "warn",
  UNAVAILABLE: "bad",
};
const rate = (value: number): Cell => ({ text: number(value), value });
const time = (value: number | undefined): Cell => ({ text: ms(value), value: value ?? -1 });

const COLUMNS: readonly Column<ModelFigures>[] = [
  { title: "Model", kind: "name", cell: ({ name }) => name },
  { title: "Version", cell: ({ version }) => version },
  {
    title: "State",
    cell: ({ state, reason }) =>
      mark(reason === "unloaded" ? "none" : (LEVELS[state] ?? "none"), state),
  },
  { title: "Requests/s", kind: "n", cell: ({ requestsPerSecond }) => rate(requestsPerSecond) },
  { title: "Rows/s", kind: "n", cell: ({ rowsPerSecond }) => rate(rowsPerSecond) },
  { title: "Failures/s", kind: "n", cell: ({ failuresPerSecond }) => rate(failuresPerSecond) },
  { title: "p50", kind: "n", cell: ({ p50Ms }) => time(p50Ms) },
  { title: "p99", kind: "n", cell: ({ p99Ms }) => time(p99Ms) },
  { title: "p99.9", kind: "n", cell: ({ p999Ms }) => time(p999Ms) },
  { title: "Queue", kind: "n", cell: ({ queueMs }) => time(queueMs) },
  { title: "Compute", kind: "n", cell: ({ computeMs }) => time(computeMs) },
  {
    title: "Rows a batch",
    kind: "n",
    cell: ({ batchRows }) => ({ text: number(batchRows), value: batchRows ?? -1 }),
  },
  { title: "Waiting", kind: "n", cell: ({ waiting }) => rate(waiting) },
  { title: "Requests", kind: "n", cell: ({ requests }) => rate(requests) },
  { title: "Failed, by reason", cell: ({ failures }) => failuresOf(failures) },
  { title: "Why", kind: "text", cell: ({ reason }) => reason },
];

function failuresOf(failures: ModelFigures["failures"]): string {
  const some = Object.entries(failures).filter(([, count]) => count > 0);
  return some.map(([reason, count]) => `${count} ${reason.toLowerCase()}`).join(", ") || "–";
}

export const models: View = {
  name: "models",
  title: "Models",
  draw: ({ snapshot, find, redraw }) => [
    table(
      snapshot.models,
      {
        title: "Models",
        columns: COLUMNS,
        empty: "No model is known: name a repository (--model-repository).",
        promql: "sum by (model, version) (rate(nv_inference_request_success[1m]))",
      },
      find,
      redraw,
    ),
  ],
};
