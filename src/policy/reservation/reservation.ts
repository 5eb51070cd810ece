/** Which device is withdrawn for whom, and when: a calendar of windows, looked at with a clock that is handed in. */
import { matchesPattern } from "../../inference/name-pattern.ts";
import { instantOf, wallTimeAt, weekdayOf } from "./zone.ts";

/** A moment of every week. */
export interface WeekMoment {
  /** 0: Monday. */
  readonly weekday: number;
  /** Of the day, in the zone of the reservation. */
  readonly minute: number;
}

export type Span =
  | {
      readonly kind: "weekly";
      readonly zone: string;
      readonly from: WeekMoment;
      readonly to: WeekMoment;
    }
  | { readonly kind: "once"; readonly fromMs: number; readonly toMs: number };

export interface Reservation {
  readonly name: string;
  readonly tenant: string;
  /** Ids; `*` stands for any characters. */
  readonly devices: readonly string[];
  /** Models that may sit there meanwhile; none: the device is left to somebody outside this gateway. */
  readonly models: readonly string[];
  /** Others are drained so long before it begins. */
  readonly leadMs: number;
  readonly span: Span;
}

/** ms since 1970; the devices are the tenant's from `fromMs` to before `toMs`. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Withdrawal extends Window {
  readonly reservation: Reservation;
}

const WEEK_DAYS = 7;
const DAY_MINUTES = 1440;

/** The window that runs, or drains for its beginning, or else the next one; undefined: there is none any more. */
export function windowAt(reservation: Reservation, nowMs: number): Window | undefined {
  const { span } = reservation;
  if (span.kind === "once") return nowMs < span.toMs ? span : undefined;
  const today = wallTimeAt(span.zone, nowMs);
  const length = lengthOf(span.from, span.to);
  const sinceWeekday = weekdayOf(today) - span.from.weekday;
  for (let week = -1; week <= 1; week += 1) {
    const day = today.day - sinceWeekday + week * WEEK_DAYS;
    const from = { ...today, day, minute: span.from.minute };
    const to = { ...from, minute: from.minute + length };
    // Of an hour that comes twice the tenant gets both: nobody has less than what is written.
    const fromMs = instantOf(span.zone, normal(from), "earlier");
    const toMs = instantOf(span.zone, normal(to), "later");
    if (nowMs < toMs) return { fromMs, toMs };
  }
  return undefined;
}

/** Minutes on the wall; from Monday to Monday is a week. */
function lengthOf(from: WeekMoment, to: WeekMoment): number {
  const minutes = (to.weekday - from.weekday) * DAY_MINUTES + to.minute - from.minute;
  return minutes > 0 ? minutes : minutes + WEEK_DAYS * DAY_MINUTES;
}

/** Within its day, which `Date.UTC` carries into months and years. */
function normal(wall: { year: number; month: number; day: number; minute: number }) {
  const days = Math.floor(wall.minute / DAY_MINUTES);
  const date = new Date(Date.UTC(wall.year, wall.month - 1, wall.day + days));
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    minute: wall.minute - days * DAY_MINUTES,
  };
}

/**
 * The running or next window of each reservation, in the order of the calendar.
 * @param known those found before, of the same calendar: time zones are slow, and a window stays what it is until it ends
 */
export function windowsAt(
  calendar: readonly Reservation[],
  nowMs: number,
  known: readonly Withdrawal[] = [],
): Withdrawal[] {
  const byReservation = new Map(known.map((window) => [window.reservation, window]));
  /** By span: many devices have the same weekend. */
  const found = new Map<string, Window | undefined>();
  return calendar.flatMap((reservation) => {
    const before = byReservation.get(reservation);
    if (before !== undefined && nowMs < before.toMs) return [before];
    const written = JSON.stringify(reservation.span);
    if (!found.has(written)) found.set(written, windowAt(reservation, nowMs));
    const window = found.get(written);
    return window === undefined ? [] : [{ reservation, fromMs: window.fromMs, toMs: window.toMs }];
  });
}

/**
 * What a device is withdrawn for now, draining included. Where several reservations want it, the first of the
 * calendar has it.
 */
export function withdrawalAt(
  windows: readonly Withdrawal[],
  device: string,
  nowMs: number,
): Withdrawal | undefined {
  return windows.find((window) => !isAhead(window, nowMs) && isFor(window, device));
}

/** The next window of a device that has not begun to drain; undefined: none. */
export function nextWithdrawal(
  windows: readonly Withdrawal[],
  device: string,
  nowMs: number,
): Withdrawal | undefined {
  let next: Withdrawal | undefined;
  for (const window of windows) {
    if (next !== undefined && next.fromMs <= window.fromMs) continue;
    if (isAhead(window, nowMs) && isFor(window, device)) next = window;
  }
  return next;
}

const isAhead = ({ reservation, fromMs }: Withdrawal, nowMs: number) =>
  nowMs < fromMs - reservation.leadMs;

const isFor = ({ reservation }: Withdrawal, device: string) =>
  reservation.devices.some((pattern) => matchesPattern(pattern, device));
