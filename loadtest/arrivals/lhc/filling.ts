/** Two beams and where they collide; trains and gaps of what collides. */
import { StatusError } from "../../../src/errors.ts";
import type { FillingScheme } from "../../types.ts";
import { SLOTS } from "./clock.ts";
import { parseLpcName } from "./lpc-name.ts";

export interface Beams {
  readonly beam1: Uint8Array;
  readonly beam2: Uint8Array;
}

/**
 * Slots by which the beams are shifted against each other where they meet: a
 * quarter of the orbit in IP2 (ALICE), and 3 slots more in IP8 (LHCb).
 */
const SHIFT_IP2 = 891;
const SHIFT_IP8 = 894;

export interface Collisions {
  readonly ip15: number;
  readonly ip2: number;
  readonly ip8: number;
}

export function collisionsOf({ beam1, beam2 }: Beams): Collisions {
  const pairs = (first: Uint8Array, second: Uint8Array, shift: number) => {
    let count = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (first[slot] === 1 && second[(slot + SLOTS - shift) % SLOTS] === 1) count += 1;
    }
    return count;
  };
  return {
    ip15: pairs(beam1, beam2, 0),
    ip2: pairs(beam2, beam1, SHIFT_IP2),
    ip8: pairs(beam1, beam2, SHIFT_IP8),
  };
}

/** @throws StatusError where the beams have not the counts that an LPC name tells, or nothing collides */
export function fillingOf(name: string, beams: Beams, source: string): FillingScheme {
  const wrong = (text: string) =>
    new StatusError("INVALID_ARGUMENT", `filling scheme ${name} (${source}): ${text}`);
  const slots = new Uint8Array(SLOTS);
  for (let slot = 0; slot < SLOTS; slot++) {
    slots[slot] = (beams.beam1[slot] ?? 0) & (beams.beam2[slot] ?? 0);
  }
  const filled = Uint16Array.from(slots.keys()).filter((slot) => slots[slot] === 1);
  if (filled.length === 0) throw wrong("no bunches collide in IP1 and IP5");
  const told = parseLpcName(name);
  if (told !== undefined) {
    const bunches = beams.beam1.reduce((sum, bunch) => sum + bunch, 0);
    const { ip15, ip2, ip8 } = collisionsOf(beams);
    const differ = [
      ["bunches in beam 1", told.bunches, bunches] as const,
      ["pairs in IP1 and IP5", told.ip15, ip15] as const,
      ["pairs in IP2", told.ip2, ip2] as const,
      ["pairs in IP8", told.ip8, ip8] as const,
    ].find(([, expected, found]) => expected !== found);
    if (differ !== undefined) {
      const [what, expected, found] = differ;
      throw wrong(`its name tells ${expected} ${what}, its pattern has ${found}`);
    }
  }
  return { name, slots, filled, source };
}

/** Runs of colliding slots with fewer empty ones between than a kicker of the SPS needs: `8b4e` is one train. */
const TRAIN_GAP = 7;

export interface Train {
  readonly first: number;
  /** Last colliding slot. */
  readonly last: number;
  readonly bunches: number;
}

export function trainsOf({ filled }: FillingScheme): Train[] {
  const trains: { first: number; last: number; bunches: number }[] = [];
  for (const slot of filled) {
    const current = trains.at(-1);
    if (current !== undefined && slot - current.last - 1 < TRAIN_GAP) {
      current.last = slot;
      current.bunches += 1;
    } else trains.push({ first: slot, last: slot, bunches: 1 });
  }
  return trains;
}

export interface Gaps {
  /** How often a gap of so many empty slots comes in an orbit, the abort gap included. */
  readonly counts: ReadonlyMap<number, number>;
  /** Empty slots at the end of the orbit and on into the next: kept free for the beam dump. */
  readonly abort: number;
}

/** Between bunches that collide, around the orbit. */
export function gapsOf({ filled }: FillingScheme): Gaps {
  const counts = new Map<number, number>();
  const add = (gap: number) => {
    if (gap > 0) counts.set(gap, (counts.get(gap) ?? 0) + 1);
  };
  for (let i = 1; i < filled.length; i++) add((filled[i] ?? 0) - (filled[i - 1] ?? 0) - 1);
  const abort = SLOTS - 1 - (filled.at(-1) ?? 0) + (filled[0] ?? 0);
  add(abort);
  return { counts, abort };
}
