/**
 * The most rows that any placement could have finished, had it known the whole demand beforehand: exact
 * dynamic programming over like boards and two bitstreams, in the same slotted world as `simulate.ts`.
 *
 * In each slot: rows arrive, boards may begin a switch, the ready ones serve, rows that are too old go.
 * A state is (boards that serve each bitstream, boards that are on their way and for how long, rows waiting
 * for each, rows finished). As boards are alike, only their numbers count. Kept are the states that no
 * other beats: one beats another in the same configuration when its lead in finished rows is at least the
 * number of waiting rows that it lacks, because from there it can do all that the other can. Serving is
 * always oldest first and never withheld: with one patience for all rows, nothing is gained otherwise.
 */
import { type Front, frontOf, type Points } from "./front.ts";

export interface OptimumQuestion {
  /** Rows that arrive for either bitstream in each slot. */
  readonly arrivals: readonly [readonly number[], readonly number[]];
  /** Rows of either bitstream that one board serves in a slot. */
  readonly rowsPerSlot: readonly [number, number];
  /** Boards that hold either bitstream at the start. */
  readonly boards: readonly [number, number];
  /** Slots that a switch takes a board out of service; at least 1. */
  readonly switchSlots: number;
  /** A row that is not served in the slot of its arrival or one of the next n - 1 is lost. Default: none is. */
  readonly patienceSlots?: number;
  /** Rows that some placement is known to finish: what cannot reach them any more is not followed. Default 0. */
  readonly atLeast?: number;
}

export interface Optimum {
  readonly rows: number;
  /** States kept, over all slots: how large the search was. */
  readonly states: number;
}

/** Boards by what they do: serve A, serve B, then those ready for A after 1, 2, ... slots, then those for B. */
type Configuration = readonly number[];

/** One way through a slot from a configuration. */
interface Step {
  readonly to: number;
  readonly servingA: number;
  readonly servingB: number;
}

/** @throws RangeError where no placement finishes `atLeast` rows */
export function offlineOptimum(question: OptimumQuestion): Optimum {
  const { arrivals, rowsPerSlot, atLeast = 0 } = question;
  const { patienceSlots = Number.POSITIVE_INFINITY } = question;
  const slots = arrivals[0].length;
  const mostPerSlot = (question.boards[0] + question.boards[1]) * Math.max(...rowsPerSlot);
  const toCome = rowsAfter(arrivals, slots);
  const configurations = new Configurations(question.switchSlots);
  const start = configurations.indexOf([
    ...question.boards,
    ...Array<number>(2 * (question.switchSlots - 1)).fill(0),
  ]);
  let fronts = new Map<number, Front>([[start, { finished: [0], waitingA: [0], waitingB: [0] }]]);
  let states = 1;
  for (let slot = 0; slot < slots; slot += 1) {
    const reached = new Map<number, Points>();
    const [newA, newB] = [arrivals[0][slot] ?? 0, arrivals[1][slot] ?? 0];
    const youngA = arrivedSince(arrivals[0], slot, patienceSlots);
    const youngB = arrivedSince(arrivals[1], slot, patienceSlots);
    for (const [from, front] of fronts) {
      for (const step of configurations.stepsFrom(from)) {
        const points = pointsOf(reached, step.to);
        const [mostA, mostB] = [step.servingA * rowsPerSlot[0], step.servingB * rowsPerSlot[1]];
        for (let point = 0; point < front.finished.length; point += 1) {
          const waitingA = (front.waitingA[point] as number) + newA;
          const waitingB = (front.waitingB[point] as number) + newB;
          const servedA = Math.min(waitingA, mostA);
          const servedB = Math.min(waitingB, mostB);
          const finished = (front.finished[point] as number) + servedA + servedB;
          const leftA = Math.min(waitingA - servedA, youngA);
          const leftB = Math.min(waitingB - servedB, youngB);
          const work = leftA + leftB + (toCome[slot] as number);
          if (finished + Math.min(work, mostPerSlot * (slots - 1 - slot)) < atLeast) continue;
          points.finished.push(finished);
          points.waitingA.push(leftA);
          points.waitingB.push(leftB);
        }
      }
    }
    fronts = new Map();
    for (const [index, points] of reached) {
      const front = frontOf(points);
      fronts.set(index, front);
      states += front.finished.length;
    }
  }
  const rows = Math.max(...[...fronts.values()].flatMap(({ finished }) => finished));
  if (rows < atLeast) throw new RangeError(`no placement finishes ${atLeast} rows of this demand`);
  return { rows, states };
}

/** For each slot, the rows of all later ones. */
function rowsAfter([a, b]: OptimumQuestion["arrivals"], slots: number): number[] {
  const after = Array<number>(slots).fill(0);
  for (let slot = slots - 2; slot >= 0; slot -= 1) {
    after[slot] = (after[slot + 1] as number) + (a[slot + 1] ?? 0) + (b[slot + 1] ?? 0);
  }
  return after;
}

/** Rows of this slot and those before that may still be served in the next slot. */
function arrivedSince(arrivals: readonly number[], slot: number, patienceSlots: number): number {
  if (patienceSlots === Number.POSITIVE_INFINITY) return patienceSlots;
  let rows = 0;
  for (let past = Math.max(0, slot - patienceSlots + 2); past <= slot; past += 1) {
    rows += arrivals[past] ?? 0;
  }
  return rows;
}

function pointsOf(reached: Map<number, Points>, index: number): Points {
  let points = reached.get(index);
  if (points === undefined) {
    points = { finished: [], waitingA: [], waitingB: [] };
    reached.set(index, points);
  }
  return points;
}

/** Every configuration that was met, by number, and the ways on from it. */
class Configurations {
  readonly #switchSlots: number;
  readonly #known: Configuration[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #steps = new Map<number, readonly Step[]>();

  constructor(switchSlots: number) {
    this.#switchSlots = switchSlots;
  }

  indexOf(configuration: Configuration): number {
    const key = configuration.join();
    let index = this.#numbers.get(key);
    if (index === undefined) {
      index = this.#known.push(configuration) - 1;
      this.#numbers.set(key, index);
    }
    return index;
  }

  /** Boards never change places within a slot (A to B and B to A): alike as they are, staying is as good. */
  stepsFrom(index: number): readonly Step[] {
    let steps = this.#steps.get(index);
    if (steps === undefined) {
      const from = this.#known[index] as Configuration;
      const [a, b] = [from[0] as number, from[1] as number];
      const changes = Array.from({ length: a + b + 1 }, (_, change) => change - b);
      steps = changes.map((toB) => this.#step(from, toB));
      this.#steps.set(index, steps);
    }
    return steps;
  }

  /** @param toB boards that begin to switch from A to B; negative: from B to A */
  #step(from: Configuration, toB: number): Step {
    const underWay = this.#switchSlots - 1;
    const servingA = (from[0] as number) - Math.max(0, toB);
    const servingB = (from[1] as number) + Math.min(0, toB);
    const begun = [Math.max(0, -toB), Math.max(0, toB)] as const;
    const lines = [0, 1].map((bitstream) => [
      ...from.slice(2 + bitstream * underWay, 2 + (bitstream + 1) * underWay),
      begun[bitstream] as number,
    ]);
    const ready = lines.map((line) => line.shift() as number);
    const to = [servingA + (ready[0] as number), servingB + (ready[1] as number), ...lines.flat()];
    return { to: this.indexOf(to), servingA, servingB };
  }
}
