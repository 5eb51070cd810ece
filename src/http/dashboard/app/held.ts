/** The moment that an address names: its snapshot, as the gateway kept it, or that it is kept no more. */
import type { Snapshot, SnapshotPoint } from "../../../inference/dashboard-report.ts";
import type { Moment } from "./place.ts";

const SNAPSHOT = "/v2/beamgate/dashboard/snapshot";
/** Between two questions to a gateway that does not answer. */
const PAUSE_MS = 2_000;

export interface Told extends Snapshot {
  readonly points?: readonly SnapshotPoint[];
}

/** "asked": soon it is known; "gone": the gateway has no such snapshot. */
export type Held = Told | "asked" | "gone";

let of = "";
let held: Held = "asked";

const keyOf = ({ id, at }: Moment) => `${id} ${at}`;

/** What is shown is what will be shown. The gateway is asked for it, too: it keeps for others what somebody asked for. */
export function hold(snapshot: Snapshot): Moment {
  const moment = { id: String(snapshot.id), at: snapshot.at };
  of = keyOf(moment);
  held = snapshot;
  void told(moment).catch(() => undefined);
  return moment;
}

/** @param known is called when it is */
export function heldOf(moment: Moment, known: () => void): Held {
  const key = keyOf(moment);
  if (of !== key) {
    of = key;
    held = "asked";
    void look(moment, known);
  }
  return held;
}

async function look(moment: Moment, known: () => void): Promise<void> {
  const isMeant = () => of === keyOf(moment);
  const answer = await told(moment).catch(() => undefined);
  if (!isMeant()) return;
  if (answer === undefined) {
    setTimeout(() => {
      if (isMeant()) void look(moment, known);
    }, PAUSE_MS);
    return;
  }
  held = answer;
  known();
}

async function told({ id, at }: Moment): Promise<Held> {
  const answer = await fetch(`${SNAPSHOT}?${new URLSearchParams({ id, points: "all" })}`);
  if (answer.status === 404) return "gone";
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const snapshot = (await answer.json()) as Told;
  // Of another process: that number was given to another moment.
  return snapshot.at === at ? snapshot : "gone";
}

/** What the gateway knows of the minutes before this page was opened. */
export async function pointsBefore(): Promise<readonly SnapshotPoint[]> {
  const answer = await fetch(`${SNAPSHOT}?points=all`).catch(() => undefined);
  if (answer?.ok !== true) return [];
  return ((await answer.json()) as Told).points ?? [];
}
