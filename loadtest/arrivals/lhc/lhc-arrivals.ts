/**
 * Events of the LHC as requests. A computer cannot ask 31 million times a second,
 * so each run says how it gets from there to what it sends: it samples events at
 * their true times, dilates all times, or packs the events of a stretch of time
 * into one request. Times are counted in crossings and made at the end.
 */

import { StatusError } from "../../../src/errors.ts";
import type { LhcSpec, ModeSpec } from "../../scenario/arrivals-schema.ts";
import type { Arrivals, FillingScheme, Intended, LhcTime } from "../../types.ts";
import { failuresBefore, randomFor } from "../seed.ts";
import { ORBIT_HZ, SLOT_MS, SLOTS } from "./clock.ts";
import { crossings, crossingsWithin, filledBefore } from "./crossings.ts";
import { orbitUnits, sliceUnits, trainUnits, type Units } from "./units.ts";

/** @throws StatusError where more events are asked for than there are */
export function lhcArrivals(spec: LhcSpec, filling: FillingScheme, seed: number): Arrivals {
  const { mode } = spec;
  const collidingHz = ORBIT_HZ * filling.filled.length;
  const withEvent = spec.pileUp > 0 ? -Math.expm1(-spec.pileUp) : 1;
  const eventHz = collidingHz * withEvent;
  const acceptedHz = spec.acceptedHz ?? eventHz;
  if (acceptedHz > eventHz) {
    throw new StatusError(
      "INVALID_ARGUMENT",
      `acceptedHz ${acceptedHz} is more than the ${Math.round(eventHz)} events a second of ${filling.name}`,
    );
  }
  const dilation = mode.kind === "dilate" ? mode.by : mode.kind === "packed" ? mode.dilate : 1;
  const slotMs = SLOT_MS * dilation;
  const probability = acceptedHz / collidingHz;
  const time = { filling, slotMs, dilation, oneIn: mode.oneIn };
  const about = {
    describe: describe(spec, filling, acceptedHz),
    scale: scaleOf(mode, acceptedHz / dilation),
  };
  // Whole slots that are over when a request leaves; the end of their orbit where orbits leave together.
  const release = (over: number) =>
    slotMs * (spec.release === "orbit" ? SLOTS * Math.ceil(over / SLOTS) : over);
  if (mode.kind === "packed")
    return { ...about, ...packed(mode, time, probability, release, seed) };
  return {
    ...about,
    lhc: { ...time, crossings: ({ bx = 0 }) => Float64Array.of(bx) },
    *[Symbol.iterator](): Iterator<Intended> {
      const random = randomFor(seed, "crossings");
      for (const bx of crossings(filling, probability / mode.oneIn, random)) {
        yield { atMs: spec.release === "orbit" ? release(bx + 1) : release(bx), bx, events: 1 };
      }
    },
  };
}

/** A request is due when the last crossing of its unit is over: its events lie before. */
function packed(
  mode: Extract<ModeSpec, { kind: "packed" }>,
  time: Omit<LhcTime, "crossings">,
  probability: number,
  release: (bx: number) => number,
  seed: number,
): Pick<Arrivals, "lhc"> & Iterable<Intended> {
  const { filling } = time;
  const units: Units =
    mode.as === "train"
      ? trainUnits(filling)
      : mode.as === "orbit"
        ? orbitUnits()
        : sliceUnits(mode.sliceBx);
  const before = filledBefore(filling);
  const own = randomFor(seed, "units").bits();
  const within = (unit: { readonly from: number; readonly to: number }) =>
    crossingsWithin(unit, filling, before, probability, own);
  return {
    lhc: { ...time, crossings: ({ bx = 0 }) => within(units.holding(bx)) },
    *[Symbol.iterator](): Iterator<Intended> {
      const random = randomFor(seed, "sampled units");
      const skip = () => failuresBefore(random, 1 / mode.oneIn);
      for (let n = skip(); ; n += 1 + skip()) {
        const unit = units.at(n);
        const events = within(unit);
        const [bx] = events;
        if (bx !== undefined) yield { atMs: release(unit.to), bx, events: events.length };
      }
    },
  };
}

function describe(
  { pileUp, release }: LhcSpec,
  filling: FillingScheme,
  acceptedHz: number,
): string {
  const colliding = `${filling.filled.length} colliding bunches (${filling.name})`;
  const mu = pileUp > 0 ? `, ${pileUp} collisions a crossing on average` : "";
  const grouped = release === "orbit" ? ", those of an orbit together" : "";
  return `${frequency(acceptedHz)} of events from ${colliding}${mu}${grouped}`;
}

function scaleOf(mode: ModeSpec, eventHz: number): string {
  const sent = `${frequency(eventHz / mode.oneIn)} of events asked`;
  const dilated = (by: number) =>
    by === 1 ? [] : [`all LHC times are ${by} times as long (slots of ${slotText(by)})`];
  const sampled =
    mode.oneIn === 1
      ? []
      : [
          `1 in ${mode.oneIn} ${mode.kind === "packed" ? `${mode.as}s` : "events"} is sent, at random`,
        ];
  switch (mode.kind) {
    case "sample":
      return [
        ...(sampled.length > 0 ? sampled : ["every event is sent"]),
        "times are the LHC's",
        sent,
      ].join("; ");
    case "dilate":
      return [...dilated(mode.by), ...sampled, sent].join("; ");
    case "packed": {
      const unit =
        mode.as === "slice"
          ? `${mode.sliceBx} crossings are`
          : `${mode.as === "orbit" ? "an orbit" : "a train"} is`;
      return [
        `${unit} one request, due when it is over`,
        ...dilated(mode.dilate),
        ...sampled,
        sent,
      ].join("; ");
    }
  }
}

function slotText(dilation: number): string {
  const us = SLOT_MS * dilation * 1000;
  return us >= 1000 ? `${(us / 1000).toPrecision(4)} ms` : `${us.toPrecision(4)} µs`;
}

function frequency(hz: number): string {
  const [value, unit] = hz >= 1e6 ? [hz / 1e6, "MHz"] : hz >= 1e3 ? [hz / 1e3, "kHz"] : [hz, "Hz"];
  return `${Number(value.toPrecision(4))} ${unit}`;
}
