/** Latency and dead time around the orbit: trains build up, gaps recover. */
import { milliseconds, percent, whole } from "../format.ts";
import type { Crossings } from "../schema.ts";
import { html } from "./markup.ts";
import { type Section, type Strip, table } from "./section.ts";

export const ORBIT_SLOTS = 3564;
/** Slots of one row of the table. */
const SEGMENT = 132;

export function crossingsSection({ fillingScheme, slots }: Crossings): Section {
  const means = slots.map(({ meanMs }) => meanMs).sort((a, b) => a - b);
  const low = means[0] ?? 0;
  const high = means[Math.floor(0.99 * (means.length - 1))] ?? 1;
  const strip: Strip = {
    kind: "strip",
    slots: ORBIT_SLOTS,
    layers: [
      {
        ...{ id: "latency", name: "mean latency", unit: " ms", format: "number" },
        ...{ min: low, max: high, values: bySlot(slots, ({ meanMs }) => meanMs) },
      },
      {
        ...{ id: "dead", name: "dead", unit: "", format: "percent" },
        ...{ min: 0, max: Math.max(...slots.map(({ dead }) => dead), 1e-9) },
        values: bySlot(slots, ({ dead }) => dead),
      },
    ],
  };
  const rest =
    "Point at the strip, or focus it and use the arrow keys (with Shift: 100 slots), to read a crossing.";
  return {
    id: "crossings",
    title: "Orbit",
    charts: { "strip-orbit": strip },
    body: html`<h2>Around the orbit</h2>
<p class="lead">Mean latency (above) and share of crossings lost to dead time (below) for each of the ${whole(ORBIT_SLOTS)} slots; empty slots are gaps of the filling scheme ${fillingScheme}.</p>
<div class="card"><div class="strip" id="strip-orbit">
<div class="rows" tabindex="0" role="img" aria-label="Latency and dead time by bunch crossing. Arrow keys read out single crossings."><canvas data-layer="latency"></canvas><canvas class="thin" data-layer="dead"></canvas></div>
<div class="axis" aria-hidden="true"><span>BX 0</span><span>891</span><span>1782</span><span>2673</span><span>3563</span></div>
<p class="caption">Latency ${milliseconds(low)}<span class="ramp" aria-hidden="true"></span>${milliseconds(high)} (99&nbsp;% of slots)</p>
<p class="readout caption" aria-live="polite" data-rest="${rest}">${rest}</p>
</div>
<details><summary>As a table</summary>${table(
      "By part of the orbit",
      ["slots", "requests", "mean latency", "longest", "dead"],
      segments(slots),
    )}</details></div>`,
  };
}

type Slot = Crossings["slots"][number];

function bySlot(slots: readonly Slot[], value: (slot: Slot) => number): (number | null)[] {
  const values = Array<number | null>(ORBIT_SLOTS).fill(null);
  for (const slot of slots) values[slot.bx] = value(slot);
  return values;
}

function segments(slots: readonly Slot[]): string[][] {
  const rows: string[][] = [];
  for (let from = 0; from < ORBIT_SLOTS; from += SEGMENT) {
    const inside = slots.filter(({ bx }) => bx >= from && bx < from + SEGMENT);
    const requests = inside.reduce((sum, slot) => sum + slot.requests, 0);
    const mean = (of: (slot: Slot) => number) =>
      inside.reduce((sum, slot) => sum + of(slot) * slot.requests, 0) / requests;
    const name = `${from} – ${from + SEGMENT - 1}`;
    if (requests === 0) rows.push([name, "0", "–", "–", "–"]);
    else {
      const longest = Math.max(...inside.map(({ maxMs }) => maxMs));
      rows.push([
        ...[name, whole(requests), milliseconds(mean(({ meanMs }) => meanMs))],
        ...[milliseconds(longest), percent(mean(({ dead }) => dead))],
      ]);
    }
  }
  return rows;
}
