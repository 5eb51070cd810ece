/**
 * A reservation as people write it:
 *
 *     name: weekend-training
 *     tenant: training
 *     devices: [gpu3/*]
 *     models: []                      # default: those of the tenant; []: nothing of this gateway
 *     from: Fri 20:00                 # every week in `zone`, or once: 2026-12-04T20:00Z
 *     to: Mon 06:00
 *     zone: Europe/Rome               # default: UTC
 *     lead: 15                        # minutes that others are drained before; default: 15
 */
import { StatusError } from "../../errors.ts";
import { isCalendarDay } from "../../inference/calendar-day.ts";
import type { Reservation, Span, WeekMoment } from "./reservation.ts";
import { isZone } from "./zone.ts";

const MEMBERS = ["name", "tenant", "devices", "models", "from", "to", "zone", "lead"];
const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/;
const MINUTE_MS = 60_000;
const DEFAULT_LEAD_MINUTES = 15;
const MOST_LEAD_MINUTES = 7 * 1440;
const MOST_NAMES = 1000;

/**
 * @param modelsOf names of the models of a tenant; undefined: there is no such tenant
 * @throws StatusError INVALID_ARGUMENT naming the member
 */
export function readReservation(
  given: unknown,
  modelsOf: (tenant: string) => readonly string[] | undefined,
): Reservation {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new StatusError("INVALID_ARGUMENT", "a reservation: expected an object");
  }
  const unknown = Object.keys(given).find((key) => !MEMBERS.includes(key));
  if (unknown !== undefined) throw wrong(unknown, `one of ${MEMBERS.join(", ")}`);
  const { name, tenant, devices, models, from, to, zone, lead } = given as Record<string, unknown>;
  if (typeof name !== "string" || !NAME.test(name))
    throw wrong("name", "letters, digits, . _ and -");
  if (typeof tenant !== "string" || tenant === "") throw wrong("tenant", "the name of a tenant");
  const itsModels = models === undefined ? modelsOf(tenant) : models;
  if (itsModels === undefined) {
    throw wrong("tenant", "a tenant of this gateway; for others say which 'models', [] for none");
  }
  return {
    ...{ name, tenant },
    devices: names(devices, "devices", 1),
    models: names(itsModels, "models", 0),
    leadMs: leadOf(lead),
    span: spanOf(from, to, zone),
  };
}

function spanOf(from: unknown, to: unknown, zone: unknown = "UTC"): Span {
  if (typeof zone !== "string" || !isZone(zone)) throw wrong("zone", "one such as Europe/Rome");
  const fromMs = instantIn(from);
  const toMs = instantIn(to);
  if (fromMs !== undefined && toMs !== undefined) {
    if (fromMs >= toMs) throw wrong("to", "a time after 'from'");
    return { kind: "once", fromMs, toMs };
  }
  const [start, end] = [weekMoment(from), weekMoment(to)];
  if (start !== undefined && end !== undefined)
    return { kind: "weekly", zone, from: start, to: end };
  const wanted = "both every week (Fri 20:00), or both once with their zone (2026-12-04T20:00Z)";
  throw wrong(start === undefined && fromMs === undefined ? "from" : "to", wanted);
}

function instantIn(value: unknown): number | undefined {
  if (typeof value !== "string" || !INSTANT.test(value)) return undefined;
  if (!isCalendarDay(value.slice(0, 10))) return undefined;
  const read = Date.parse(value);
  return Number.isNaN(read) ? undefined : read;
}

/** The day is written out, or cut off after three letters or more. */
function weekMoment(value: unknown): WeekMoment | undefined {
  if (typeof value !== "string") return undefined;
  const [, day = "", hours = "", minutes = ""] =
    /^([A-Za-z]{3,}) (\d{1,2}):(\d{2})$/.exec(value) ?? [];
  const weekday =
    day === "" ? -1 : WEEKDAYS.findIndex((name) => name.startsWith(day.toLowerCase()));
  const minute = Number(hours) * 60 + Number(minutes);
  if (weekday < 0 || Number(minutes) > 59 || minute > 1440) return undefined;
  return { weekday, minute };
}

function leadOf(lead: unknown = DEFAULT_LEAD_MINUTES): number {
  if (typeof lead === "number" && lead >= 0 && lead <= MOST_LEAD_MINUTES) return lead * MINUTE_MS;
  throw wrong("lead", `minutes from 0 to ${MOST_LEAD_MINUTES}`);
}

function names(value: unknown, key: string, least: number): readonly string[] {
  const listed = Array.isArray(value) && value.length >= least && value.length <= MOST_NAMES;
  if (listed && value.every((each) => typeof each === "string" && each !== "")) return value;
  throw wrong(key, "a list of names, in which * stands for any characters");
}

function wrong(key: string, expected: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `'${key}' of a reservation: expected ${expected}`);
}
