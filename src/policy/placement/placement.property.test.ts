import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placement } from "./placement.ts";
import { DEFAULT_RULES } from "./rules.ts";
import { seeded } from "./simulator/seeded.ts";
import { simulate, type Watch } from "./simulator/simulate.ts";
import {
  type DeviceEvent,
  listed,
  type SimulatedDevice,
  type SimulatedVariant,
  type World,
} from "./simulator/world.ts";
import type { DeviceView } from "./views.ts";

const SLOT_MS = 500;
const SWITCH_MS = 1_500;
const TENANTS = ["cms", "lhcb"];
const MEMORY = [4e9, 8e9];

const someDevices = fc
  .array(
    fc.record(
      {
        platform: fc.constantFrom("u50", "u50", "u50", "a10"),
        linkGroup: fc.constantFrom("x", "x", "y", "y", "z"),
        memoryBytes: fc.constantFrom(...MEMORY),
        leasedTo: fc.constantFrom(...TENANTS),
      },
      { requiredKeys: ["platform"] },
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((all) =>
    all.map((each, index): SimulatedDevice => ({ ...each, id: `d${index}`, switchMs: SWITCH_MS })),
  );

const someVariants = fc
  .array(
    fc.record(
      {
        platform: fc.constantFrom("u50", "u50", "u50", "a10"),
        msPerRow: fc.constantFrom(25, 50, 100),
        memoryBytes: fc.constantFrom(...MEMORY),
        patienceMs: fc.constantFrom(5_000, 60_000),
        group: fc.constantFrom("e", "e", "f"),
        pinned: fc.boolean(),
        minInstances: fc.constantFrom(0, 1),
        tenant: fc.constantFrom(...TENANTS),
        benefit: fc.constantFrom(0.2, 1),
      },
      { requiredKeys: ["platform", "msPerRow"] },
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((all) => all.map((each, index): SimulatedVariant => ({ ...each, variant: `v${index}` })));

/** A variant's demand is on or off for a while, as often as `restless` says. */
function restlessArrivals(variants: number, seed: number, restless: number): World["arrivals"] {
  const random = seeded(seed);
  const levels = Array<number>(variants).fill(0);
  return () =>
    levels.map((level, index) => {
      if (random() < restless) levels[index] = random() < 0.5 ? 0 : random() ** 2 * 30;
      return Math.floor(level + random());
    });
}

function someEvents(devices: readonly SimulatedDevice[], slots: number, seed: number) {
  const random = seeded(seed + 1);
  const changes: DeviceEvent["change"][] = [
    "fail",
    "drain",
    "return",
    "return",
    { leasedTo: "cms" },
    { leasedTo: undefined },
  ];
  const events: DeviceEvent[] = [];
  for (let slot = 0; slot < slots; slot += 1) {
    const device = devices[Math.floor(random() * devices.length * 20)];
    const change = changes[Math.floor(random() * changes.length)];
    if (device !== undefined && change !== undefined) {
      events.push({ slot, device: device.id, change });
    }
  }
  return events;
}

const someWorld = fc
  .record({
    devices: someDevices,
    variants: someVariants,
    seed: fc.nat(),
    restless: fc.constantFrom(0.02, 0.1, 0.5),
    eventful: fc.boolean(),
  })
  .map(({ devices, variants, seed, restless, eventful }): World => {
    const slots = 300;
    return {
      slotMs: SLOT_MS,
      slots,
      devices,
      variants,
      arrivals: restlessArrivals(variants.length, seed, restless),
      events: eventful ? someEvents(devices, slots, seed) : [],
    };
  });

const holding = ({ state, resident }: DeviceView) =>
  resident !== undefined && (state === "ready" || state === "loading" || state === "draining");

describe("whatever the devices, the demand and the operators do", { timeout: 120_000 }, () => {
  it("no ensemble is ever in two link groups", () => {
    let groupsSeen = 0;
    fc.assert(
      fc.property(someWorld, (world) => {
        const watch: Watch = (_, devices) => {
          for (const group of ["e", "f"]) {
            const steps = world.variants.filter((each) => each.group === group);
            const holders = devices.filter(
              (device) =>
                holding(device) && steps.some(({ variant }) => variant === device.resident),
            );
            const links = new Set(holders.map(({ id, linkGroup }) => linkGroup ?? id));
            if (links.size > 1) throw new Error(`${group} is in ${[...links].join()}`);
            if (holders.length > 1) groupsSeen += 1;
          }
        };
        simulate(world, placement(), watch);
      }),
      { numRuns: 80, seed: 1 },
    );
    expect(groupsSeen).toBeGreaterThan(0);
  });

  it("a device gets only what fits it, may use it, and what nobody protects it from", () => {
    fc.assert(
      fc.property(someWorld, (world) => {
        let before: readonly DeviceView[] = [];
        const arrivals: World["arrivals"] = (slot, devices) => {
          before = devices;
          return world.arrivals(slot, devices);
        };
        simulate({ ...world, arrivals }, placement(), (_, __, actions) => {
          expect(new Set(actions.map(({ device }) => device)).size).toBe(actions.length);
          for (const action of actions) {
            if (action.kind !== "load") continue;
            const device = before.find(({ id }) => id === action.device);
            const variant = world.variants.find((each) => each.variant === action.variant);
            expect(device?.state).toBe("ready");
            expect(device?.platform).toBe(variant?.platform);
            expect(variant?.memoryBytes ?? 0).toBeLessThanOrEqual(device?.memoryBytes ?? 8e9);
            expect([undefined, variant?.tenant]).toContain(device?.leasedTo);
            const evicted = world.variants.find((each) => each.variant === action.evicts);
            expect(evicted?.pinned).not.toBe(true);
          }
        });
      }),
      { numRuns: 50, seed: 2 },
    );
  });

  it("a device dwells on what it got", () => {
    const leastMs = SWITCH_MS * (1 + DEFAULT_RULES.minDwellFactor);
    fc.assert(
      fc.property(someWorld, (world) => {
        const loadedAt = new Map<string, number>();
        simulate({ ...world, events: [] }, placement(), (slot, _, actions) => {
          for (const action of actions) {
            if (action.kind === "unload") {
              loadedAt.delete(action.device);
              continue;
            }
            const last = loadedAt.get(action.device);
            if (last !== undefined) expect((slot - last) * SLOT_MS).toBeGreaterThanOrEqual(leastMs);
            loadedAt.set(action.device, slot);
          }
        });
      }),
      { numRuns: 50, seed: 2 },
    );
  });
});

describe("one tenant alone", { timeout: 180_000 }, () => {
  it("is given what it would be given if nobody asked whose rows wait", () => {
    let loads = 0;
    fc.assert(
      fc.property(someWorld, fc.constantFrom(0, 0.4, 1), (world, guarantee) => {
        const decided = (tried: World) => {
          const all: unknown[] = [];
          const { variants } = simulate(tried, placement(), (slot, _, actions) => {
            for (const { device, kind, variant, reason } of actions) {
              all.push({ slot, device, kind, variant, reason });
            }
          });
          return { all, arrivals: listed(variants.map((each) => each.arrivals)) };
        };
        const owner = { name: "cms", weight: 2, guarantee };
        const nobodys = decided(world);
        loads += nobodys.all.length;
        const variants = world.variants.map((each) => ({ ...each, owner }));
        const theirs = decided({ ...world, variants, arrivals: nobodys.arrivals });
        expect(theirs.all).toEqual(nobodys.all);
      }),
      { numRuns: 40, seed: 4 },
    );
    expect(loads).toBeGreaterThan(100);
  });
});

describe("rows with nowhere to run", { timeout: 120_000 }, () => {
  it("never wait longer than the bound, however little they are and however much the others", () => {
    const contest = fc.record({
      boards: fc.integer({ min: 1, max: 3 }),
      loads: fc.array(fc.constantFrom(0.001, 0.01, 0.2, 0.6, 1.5), { minLength: 2, maxLength: 4 }),
      restless: fc.boolean(),
      seed: fc.nat(),
    });
    let longestMs = 0;
    fc.assert(
      fc.property(contest, ({ boards, loads, restless, seed }) => {
        const random = seeded(seed);
        const most = boards * 10;
        const nowhereSince = new Map<string, number>();
        const { agedMs, agedFactor, lookaheadFactor } = DEFAULT_RULES;
        const turnMs = SWITCH_MS * (1 + lookaheadFactor);
        const boundMs =
          Math.max(agedMs, agedFactor * SWITCH_MS) +
          (loads.length - 1) * turnMs +
          SWITCH_MS +
          SLOT_MS;
        const waiting = loads.map(() => 0);
        const world: World = {
          slotMs: SLOT_MS,
          slots: 1_000,
          devices: Array.from({ length: boards }, (_, id) => ({
            id: `${id}`,
            switchMs: SWITCH_MS,
          })),
          variants: loads.map((_, index) => ({ variant: `v${index}`, msPerRow: 50 })),
          arrivals: () =>
            loads.map((load, index) => {
              const burst = restless ? (random() < 0.05 ? 20 : 0) : 1;
              const rows = Math.floor(load * most * burst + random() * (load < 0.1 ? 1.05 : 1));
              waiting[index] = (waiting[index] ?? 0) + rows;
              return rows;
            }),
        };
        simulate(world, placement(), (slot, devices) => {
          for (const index of loads.keys()) {
            const variant = `v${index}`;
            const serving = devices.filter(
              ({ resident, state }) => resident === variant && state === "ready",
            ).length;
            if (serving > 0) waiting[index] = Math.max(0, (waiting[index] ?? 0) - serving * 10);
            if (serving > 0 || waiting[index] === 0) nowhereSince.delete(variant);
            else if (!nowhereSince.has(variant)) nowhereSince.set(variant, slot);
          }
          for (const since of nowhereSince.values()) {
            const ms = (slot - since) * SLOT_MS;
            longestMs = Math.max(longestMs, ms);
            expect(ms).toBeLessThanOrEqual(boundMs);
          }
        });
      }),
      { numRuns: 40, seed: 3 },
    );
    expect(longestMs).toBeGreaterThanOrEqual(DEFAULT_RULES.agedMs);
  });
});
