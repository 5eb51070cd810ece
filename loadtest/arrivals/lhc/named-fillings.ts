/**
 * Filling schemes by name. Patterns are facts about the machine, written as both
 * beams' runs of bunches; those with LPC names are those of the LPC's files of
 * that name (as PyCOMPLETE/FillingPatterns keeps them), and `fillingOf` checks
 * them against the four counts of the name.
 */
import { StatusError } from "../../../src/errors.ts";
import type { FillingScheme } from "../../types.ts";
import { fillingOf } from "./filling.ts";
import { orbitOf } from "./pattern.ts";

interface Named {
  readonly beam1: string;
  /** Absent: as beam 1. */
  readonly beam2?: string;
  readonly source: string;
  readonly aka?: readonly string[];
}

/** Four batches of 72, as the SPS injects them. */
const BATCHES_72 = "[(72b+7e)x3 + 72b]";
const STANDARD_TAIL = `+ (${BATCHES_72} + 31e + ${BATCHES_72} + 63e + 72b + 7e + 72b + 31e)x3 + ${BATCHES_72} + 31e + ${BATCHES_72}`;
const BATCH_8B4E = "[(8b+4e)x6 + 8b]";
const BATCHES_8B4E = `[(${BATCH_8B4E} + 7e)x3 + ${BATCH_8B4E}]`;
const PAIR_8B4E = `${BATCHES_8B4E} + 31e + ${BATCHES_8B4E}`;
const TAIL_8B4E = `+ ${PAIR_8B4E} + 58e + ${BATCH_8B4E} + 31e + (${PAIR_8B4E} + 70e + ${BATCH_8B4E} + 31e)x2 + ${PAIR_8B4E}`;
const BATCHES_BCMS = "[(48b+7e)x4 + 48b]";
const TAIL_BCMS = `+ 48b + 7e + 48b + (31e + ${BATCHES_BCMS})x11`;

const LPC_2760 = "25ns_2760b_2748_2492_2574_288bpi_13inj_800ns_bs200ns";
const LPC_8B4E = "8b4e_1972b_1960_1178_1886_224bpi_12inj_800ns_bs200ns";
const LPC_BCMS = "25ns_2744b_2736_2246_2370_240bpi_13inj_800ns_bs200ns_BCMS_5x48b";
const FROM_LPC = "the LPC's file of this name";

const NAMED: Readonly<Record<string, Named>> = {
  "nominal-2808b": {
    beam1: "{[(72b+8e)x3+30e]x2 + [(72b+8e)x4+31e]}x3 + [(72b+8e)x3+30e]x3 + 81e",
    source: "LHC Design Report: 39 batches of 72",
    aka: ["nominal", "nominal-2808"],
  },
  [LPC_2760]: {
    beam1: `26e + 12b + 31e + 12b + 31e ${STANDARD_TAIL}`,
    beam2: `14e + 12b + 43e + 12b + 31e ${STANDARD_TAIL}`,
    source: FROM_LPC,
    aka: ["hl-lhc-2760b", "standard-2760b"],
  },
  [LPC_8B4E]: {
    beam1: `12e + 12b + 36e ${TAIL_8B4E}`,
    beam2: `12b + 48e ${TAIL_8B4E}`,
    source: FROM_LPC,
    aka: ["8b4e-1972b", "8b4e"],
  },
  [LPC_BCMS]: {
    beam1: `8b + 43e ${TAIL_BCMS}`,
    beam2: `12e + 8b + 31e ${TAIL_BCMS}`,
    source: FROM_LPC,
    aka: ["bcms-2744b", "bcms"],
  },
  "single-12b": {
    // One bunch every 297 slots: as far apart as twelve can be.
    beam1: "(1b+296e)x12",
    source: "twelve single bunches, evenly spaced",
    aka: ["single", "single-bunches"],
  },
  "single-1b": { beam1: "1b", source: "one bunch in slot 0" },
};

/** Every name that can be given, aliases included. */
export function fillingNames(): string[] {
  return Object.entries(NAMED).flatMap(([name, { aka = [] }]) => [name, ...aka]);
}

/** @returns undefined for a name that is not among `fillingNames`. */
export function namedFilling(name: string): FillingScheme | undefined {
  const found = Object.entries(NAMED).find(([own, { aka }]) => own === name || aka?.includes(name));
  if (found === undefined) return ownPattern(name);
  const [own, { beam1, beam2 = beam1, source }] = found;
  return fillingOf(own, { beam1: orbitOf(beam1), beam2: orbitOf(beam2) }, source);
}

/** `pattern:(1b+99e)x10`: a scheme of one's own, both beams alike. */
function ownPattern(name: string): FillingScheme | undefined {
  const [, text] = /^pattern:(.+)$/s.exec(name) ?? [];
  if (text === undefined) return undefined;
  if (text.trim() === "") {
    throw new StatusError("INVALID_ARGUMENT", "'pattern:' without a pattern, such as (72b+8e)x3");
  }
  const beam = orbitOf(text);
  return fillingOf(name, { beam1: beam, beam2: beam }, "pattern as given");
}
