import { describe, expect, it } from "vitest";
import type { Placement, PlacementAction } from "../views.ts";
import { simulate } from "./simulate.ts";
import { listed, type World } from "./world.ts";

/** Does what is written down for each slot. */
function script(bySlot: Readonly<Record<number, readonly PlacementAction[]>>): Placement {
  return { decide: (_, __, now) => bySlot[now / 100] ?? [] };
}
const load = (device: string, variant: string): PlacementAction => ({
  kind: "load",
  device,
  variant,
  reason: "worth",
});

/** One board that holds A and serves 10 rows a slot; a switch takes three slots. */
const world = (rows: readonly (readonly number[])[], given: Partial<World> = {}): World => ({
  slotMs: 100,
  slots: 6,
  devices: [{ id: "b", resident: "A", switchMs: 250 }],
  variants: [
    { variant: "A", msPerRow: 10 },
    { variant: "B", msPerRow: 10 },
  ],
  arrivals: listed(rows),
  ...given,
});

describe("a simulated board", () => {
  it("serves what it holds, oldest rows first, as fast as it can", () => {
    const { finished, variants, idleSlots } = simulate(world([[25, 0, 3]]), script({}));
    expect(finished).toBe(28);
    expect(variants[0]).toMatchObject({ finished: 28, lost: 0, waiting: 0, longestWaitMs: 200 });
    expect(idleSlots).toBe(3);
  });

  it("is out of service for whole slots while it is switched", () => {
    const outcome = simulate(world([[], [99]]), script({ 1: [load("b", "B")] }));
    expect(outcome).toMatchObject({ finished: 20, swaps: 1, loadingSlots: 3 });
    expect(outcome.variants[1]).toMatchObject({ waiting: 79, longestWaitMs: 600 });
  });

  it("measures its switches, and says so only then", () => {
    const seen: (number | undefined)[] = [];
    simulate(world([[]]), script({ 1: [load("b", "B")] }), (_, [device]) => {
      seen.push(device?.switchMs);
    });
    expect(seen).toEqual([undefined, undefined, undefined, undefined, 250, 250]);
  });

  it("loses what it was loading when it fails, and keeps what it held when it is drained", () => {
    const states: string[] = [];
    const events = [
      { slot: 1, device: "b", change: "drain" },
      { slot: 3, device: "b", change: "return" },
      { slot: 4, device: "b", change: "fail" },
      { slot: 5, device: "b", change: "return" },
    ] as const;
    const watched = world([[]], { events });
    simulate(watched, script({ 3: [load("b", "B")] }), (_, [device]) => {
      states.push(`${device?.state} ${device?.resident}`);
    });
    expect(states).toEqual([
      "ready A",
      "draining A",
      "drained A",
      "loading B",
      "failed undefined",
      "ready undefined",
    ]);
  });

  it("cannot be loaded while it is loading", () => {
    const twice = script({ 1: [load("b", "B")], 2: [load("b", "A")] });
    expect(() => simulate(world([[]]), twice)).toThrow('device "b" is loading');
  });
});

describe("a row", () => {
  it("is lost once its patience is over", () => {
    const impatient = { variants: [{ variant: "A", msPerRow: 10, patienceMs: 200 }] };
    const { variants } = simulate(world([[25, 10]], impatient), script({}));
    expect(variants[0]).toMatchObject({ finished: 30, lost: 5, waiting: 0 });
  });

  it("of others is not served by a leased board", () => {
    const devices = [{ id: "b", resident: "A", switchMs: 250, leasedTo: "cms" }];
    const variants = [
      { variant: "A", msPerRow: 10 },
      { variant: "A", msPerRow: 10, tenant: "cms" },
    ];
    const outcome = simulate(world([[9], [7]], { devices, variants }), script({}));
    expect(outcome.variants.map(({ finished }) => finished)).toEqual([0, 7]);
  });

  it("fits a whole number of times into a slot", () => {
    const odd = { variants: [{ variant: "A", msPerRow: 30 }] };
    expect(() => simulate(world([[1]], odd), script({}))).toThrow("choose a multiple of 30 ms");
  });
});
