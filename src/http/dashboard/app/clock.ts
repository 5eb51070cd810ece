/** How moments are written: in UTC, as logs and colleagues elsewhere have them, or as the clock on the wall shows them. */
export type Zone = "utc" | "local";

let zone: Zone = localStorage.getItem("zone") === "local" ? "local" : "utc";

export const zoneNow = (): Zone => zone;

export function otherZone(): Zone {
  zone = zone === "utc" ? "local" : "utc";
  localStorage.setItem("zone", zone);
  return zone;
}

/** Whose numbers are those that are shown. */
const asShown = (at: Date): Date =>
  zone === "utc" ? at : new Date(at.getTime() - 60_000 * at.getTimezoneOffset());

const suffix = () => (zone === "utc" ? " UTC" : " here");

/** `2026-12-04 20:00 UTC` */
export function day(at: Date): string {
  return `${asShown(at).toISOString().slice(0, 16).replace("T", " ")}${suffix()}`;
}

/** `2026-12-04 20:00:01 UTC`, or with its milliseconds. */
export function instant(at: Date, precisely = false): string {
  const text = asShown(at).toISOString();
  return `${text.slice(0, precisely ? 23 : 19).replace("T", " ")}${suffix()}`;
}

/** `20:00:01.250`, for many in a column. */
export function timeOfDay(at: Date): string {
  return asShown(at).toISOString().slice(11, 23);
}

/** Title of such a column. */
export const zoneName = (): string => (zone === "utc" ? "UTC" : "Local time");
