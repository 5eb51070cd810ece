/** Boards, GPUs and hosts: what they hold, do and measure; who has them. */
import type { DeviceFigures } from "../../../../inference/dashboard-report.ts";
import type { ReservationReport } from "../../../../inference/reservation-report.ts";
import { el } from "../dom.ts";
import { moment, ms, number } from "../format.ts";
import { type Cell, type Column, table } from "../table.ts";
import { bar, type Level, mark } from "./marks.ts";
import type { View } from "./view.ts";

const LEVELS: Readonly<Record<DeviceFigures["state"], Level>> = {
  ready: "good",
  present: "none",
  loading: "warn",
  draining: "warn",
  drained: "none",
  failed: "bad",
};

const DEVICES: readonly Column<DeviceFigures>[] = [
  {
    title: "Device",
    kind: "name",
    cell: ({ id, emulated }) => ({
      text: emulated ? `${id} emulated` : id,
      node: el("span", {}, id, emulated ? el("span", { class: "tag" }, "emulated") : undefined),
    }),
  },
  { title: "State", cell: stateOf },
  { title: "Holds", kind: "name", cell: ({ model }) => model ?? "–" },
  { title: "Busy", kind: "bar", cell: ({ busy, utilisation }) => bar(busy ?? utilisation) },
  {
    title: "Rows/s",
    kind: "n",
    cell: ({ rowsPerSecond }) => ({ text: number(rowsPerSecond), value: rowsPerSecond ?? -1 }),
  },
  { title: "Temperature", kind: "n", cell: ({ temperatureC }) => measured(temperatureC, "°C") },
  { title: "Power", kind: "n", cell: ({ powerW }) => measured(powerW, "W") },
  { title: "Belongs to", cell: holderOf },
  { title: "Links", cell: ({ linkGroup }) => linkGroup ?? "–" },
  { title: "Site", cell: ({ location }) => location ?? "–" },
  { title: "Vendor", cell: ({ vendor }) => vendor },
  { title: "Platform", kind: "name", cell: ({ platform }) => platform },
  {
    title: "Switches",
    kind: "n",
    cell: ({ switches, switchMs }) => ({
      text:
        switches === undefined
          ? "–"
          : `${switches}${switchMs === undefined ? "" : `, ${ms(switchMs)} each`}`,
      value: switches ?? -1,
    }),
  },
];

function stateOf({ state, breaker, trouble }: DeviceFigures): Cell {
  if (breaker === "open") return mark("bad", "breaker open");
  if (breaker === "half-open") return mark("warn", "probed");
  return mark(LEVELS[state], trouble === undefined ? state : `${state}: ${trouble.slice(0, 80)}`);
}

function holderOf({ leasedTo, leasedSeconds, reserved }: DeviceFigures): string {
  if (leasedTo !== undefined)
    return `${leasedTo}, ${Math.round((leasedSeconds ?? 0) / 60)} min more`;
  if (reserved === undefined) return "all";
  return reserved.state === "running"
    ? reserved.tenant
    : `${reserved.tenant} from ${moment(reserved.from)}`;
}

function measured(value: number | undefined, unit: string): Cell {
  return { text: value === undefined ? "–" : `${number(value)} ${unit}`, value: value ?? -1 };
}

const RESERVATIONS: readonly Column<ReservationReport>[] = [
  { title: "Reservation", kind: "name", cell: ({ name }) => name },
  { title: "For", cell: ({ tenant }) => tenant },
  {
    title: "State",
    cell: ({ state, trouble }) =>
      mark(trouble === undefined ? (state === "running" ? "good" : "none") : "warn", state),
  },
  { title: "From", cell: ({ from }) => moment(from) },
  { title: "To", cell: ({ to }) => moment(to) },
  { title: "Devices", kind: "text", cell: ({ devices }) => devices.join(", ") },
  { title: "Has now", cell: ({ holds }) => holds.join(", ") || "–" },
  { title: "Trouble", kind: "text", cell: ({ trouble }) => trouble ?? "–" },
];

export const fleet: View = {
  name: "fleet",
  title: "Fleet",
  draw: ({ snapshot: { devices, reservations }, find, redraw }) => [
    table(
      devices,
      {
        title: "Devices",
        columns: DEVICES,
        empty: "No device was found: `beamgate doctor` says why.",
        promql: "rate(beamgate_device_busy_seconds_total[1m])",
      },
      find,
      redraw,
    ),
    table(
      reservations,
      { title: "Reservations", columns: RESERVATIONS, empty: "Nothing is reserved." },
      find,
      redraw,
    ),
  ],
};
