/** Wall-clock times of a zone as instants: calendars are written by people, who have summer time. */

/** A moment as a clock on the wall shows it; `minute` counts from the day's beginning and may be beyond it. */
export interface WallTime {
  readonly year: number;
  /** 1 … 12 */
  readonly month: number;
  readonly day: number;
  readonly minute: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;

const formats = new Map<string, Intl.DateTimeFormat>();

/** @throws RangeError for a zone that nobody knows */
function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: zone, hourCycle: "h23", era: "short" },
      ...{ year: "numeric", month: "numeric", day: "numeric" },
      ...{ hour: "numeric", minute: "numeric", second: "numeric" },
    });
    formats.set(zone, format);
  }
  return format;
}

export function isZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** What a clock in the zone shows, whole seconds, as if that were UTC; ms since 1970. */
function shownMs(zone: string, instantMs: number): number {
  const parts = formatOf(zone).formatToParts(instantMs);
  const read = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((part) => part.type === type)?.value ?? 0);
  const [year, month, day] = [read("year"), read("month"), read("day")];
  return Date.UTC(year, month - 1, day, read("hour"), read("minute"), read("second"));
}

function offsetMs(zone: string, instantMs: number): number {
  const whole = Math.floor(instantMs / 1000) * 1000;
  return shownMs(zone, whole) - whole;
}

/** The day in the zone, with the minute of it. */
export function wallTimeAt(zone: string, instantMs: number): WallTime {
  const shown = new Date(shownMs(zone, Math.floor(instantMs / 1000) * 1000));
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    minute: shown.getUTCHours() * 60 + shown.getUTCMinutes(),
  };
}

/** 0: Monday. */
export function weekdayOf({ year, month, day }: WallTime): number {
  return (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
}

/**
 * The instant at which a clock in the zone shows so much. An hour that is left out in spring counts as the one
 * behind it; of one that comes twice in autumn it is the earlier or the later.
 */
export function instantOf(zone: string, wall: WallTime, which: "earlier" | "later"): number {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day) + wall.minute * MINUTE_MS;
  // No zone changes twice within two days: these are the offsets before and after.
  const before = asUtc - offsetMs(zone, asUtc - DAY_MS);
  const after = asUtc - offsetMs(zone, asUtc + DAY_MS);
  const shown = [before, after].filter((instant) => shownMs(zone, instant) === asUtc);
  if (shown.length === 0) return before;
  return which === "earlier" ? Math.min(...shown) : Math.max(...shown);
}
