/** Boards, GPUs and hosts: what they hold, do and measure; who has them. */
import type { DeviceFigures, WorkerFigures } from "../../../../inference/dashboard-report.ts";
import type { ReservationReport } from "../../../../inference/reservation-report.ts";
import { el } from "../dom.ts";
import { moment, ms, number } from "../format.ts";
import { type Cell, type Column, table } from "../table.ts";
import { bar, type Level, mark } from "./marks.ts";
import type { View, ViewContext } from "./view.ts";

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
      node: el(
        "span",
        { class: "tagged" },
        `${id} `,
        emulated ? el("span", { class: "tag" }, "emulated") : undefined,
      ),
    }),
  },
  { title: "State", cell: stateOf },
  { title: "Holds", kind: "name", cell: ({ model }) => model ?? "–" },
  { title: "Busy", kind: "bar", cell: ({ busy, utilisation }) => bar(busy ?? utilisation) },
  {
    title: "Rows/s",
    kind: "n",
    cell: ({ rowsPerSecond }) => ({ text: number(rowsPerSecond), value: rowsPerSecond ?? null }),
  },
  { title: "Temperature", kind: "n", cell: ({ temperatureC }) => measured(temperatureC, "°C") },
  { title: "Power", kind: "n", cell: ({ powerW }) => measured(powerW, "W") },
  { title: "Belongs to", cell: holderOf },
  { title: "Links", cell: ({ linkGroup }) => linkGroup ?? "–" },
  { title: "Sits at", cell: ({ location }) => location ?? "–" },
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
      value: switches ?? null,
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
  return { text: value === undefined ? "–" : `${number(value)} ${unit}`, value: value ?? null };
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

// At a glance: by site and vendor ------------------------------------------------------

function groupsOf(devices: readonly DeviceFigures[], site: string) {
  const groups = new Map<string, Map<string, DeviceFigures[]>>();
  for (const device of devices) {
    // Another server stands where its address says.
    const at = (device.backend === "remote" ? device.location : undefined) ?? site;
    const vendors = groups.get(at) ?? new Map<string, DeviceFigures[]>();
    groups.set(at, vendors);
    vendors.set(device.vendor, [...(vendors.get(device.vendor) ?? []), device]);
  }
  return groups;
}

function strip({ snapshot: { devices, site = "" }, find }: ViewContext): readonly Node[] {
  const wanted = find.toLowerCase();
  const meant = devices.filter((device) =>
    [device.id, device.vendor, device.platform, device.model ?? "", device.description ?? ""].some(
      (text) => text.toLowerCase().includes(wanted),
    ),
  );
  return Array.from(groupsOf(meant, site), ([at, vendors]) =>
    el(
      "section",
      { class: "site" },
      el(
        "div",
        { class: "head" },
        el("h2", {}, at === "" ? "This site" : at),
        el("span", { class: "count" }, readyOf([...vendors.values()].flat())),
      ),
      el(
        "div",
        { class: "vendors" },
        ...Array.from(vendors, ([vendor, own]) =>
          el(
            "div",
            { class: "vendor" },
            el("h3", {}, vendor, el("span", { class: "count" }, ` ${readyOf(own)}`)),
            el("div", { class: "cards" }, ...own.map(card)),
          ),
        ),
      ),
    ),
  );
}

function readyOf(devices: readonly DeviceFigures[]): string {
  const able = devices.filter(({ state, breaker }) => state === "ready" && breaker !== "open");
  return `${able.length} of ${devices.length} ready`;
}

function card(device: DeviceFigures): Node {
  const { id, emulated, description, platform, model, busy, utilisation, linkGroup } = device;
  const { temperatureC, powerW, powerLimitW, reserved, leasedTo } = device;
  const state = stateOf(device);
  const load = busy ?? utilisation;
  const facts = [
    ...(temperatureC === undefined ? [] : [`${number(temperatureC)} °C`]),
    ...(powerW === undefined
      ? []
      : [`${number(powerW)}${powerLimitW === undefined ? "" : ` of ${number(powerLimitW)}`} W`]),
    ...(linkGroup === undefined ? [] : [`link ${linkGroup}`]),
    ...(leasedTo === undefined && reserved === undefined ? [] : [`for ${holderOf(device)}`]),
  ];
  return el(
    "article",
    { class: "device", "aria-label": id },
    el("h4", { title: id }, state.node ?? state.text, " ", id),
    el(
      "p",
      { class: "soft", title: platform },
      description ?? platform,
      el("span", { class: "tag" }, emulated ? "emulated" : "real"),
      id.startsWith("mig:") ? el("span", { class: "tag" }, "MIG slice") : undefined,
    ),
    el("p", { class: "holds", title: model ?? "" }, model ?? "holds nothing"),
    load === undefined
      ? el("p", { class: "soft" }, "load not measured")
      : el("p", {}, bar(load).node),
    facts.length === 0 ? undefined : el("p", { class: "soft" }, facts.join(" · ")),
  );
}

const WORKERS: readonly Column<WorkerFigures>[] = [
  { title: "Worker of", kind: "name", cell: ({ device }) => device },
  {
    title: "Process",
    kind: "n",
    cell: ({ pid }) => ({ text: pid === 0 ? "–" : String(pid), value: pid || null }),
  },
  {
    title: "State",
    cell: ({ state }) =>
      mark(state === "ready" ? "good" : state === "dead" ? "bad" : "warn", state),
  },
  {
    title: "Batches",
    kind: "n",
    cell: ({ inFlight }) => ({ text: String(inFlight), value: inFlight }),
  },
  {
    title: "Started again",
    kind: "n",
    cell: ({ respawns }) => ({ text: String(respawns), value: respawns }),
  },
  {
    title: "Died last",
    kind: "text",
    cell: ({ lastDeath }) =>
      lastDeath === undefined ? "–" : `${ms(1000 * lastDeath.secondsAgo)} ago: ${lastDeath.reason}`,
  },
  { title: "Holds", kind: "text", cell: ({ instances }) => instances.join(", ") || "–" },
];

export const fleet: View = {
  name: "fleet",
  title: "Fleet",
  draw: (context) => {
    const { snapshot, find, redraw } = context;
    const { devices, reservations, workers } = snapshot;
    return [
      ...strip(context),
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
        workers,
        {
          title: "Workers",
          columns: WORKERS,
          empty: "No process drives a device yet: they come with the first model.",
          promql: "increase(beamgate_lost_batches[10m])",
        },
        find,
        redraw,
      ),
      table(
        reservations,
        {
          title: "Reservations",
          columns: RESERVATIONS,
          empty: "Nothing is reserved.",
          promql: "beamgate_device_lease_seconds",
        },
        find,
        redraw,
      ),
    ];
  },
};
