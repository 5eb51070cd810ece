import { beforeEach, describe, expect, it } from "vitest";
import type { Device } from "../../../backends/contract.ts";
import { VirtualClock } from "../../../test/support/virtual-clock.ts";
import { EnergyMeter } from "./energy-meter.ts";
import { LedgerRow } from "./ledger-row.ts";

const h100: Device = { id: "gpu:0", vendor: "nvidia", platform: "H100" };
const board: Device = { id: "u50-0", vendor: "xilinx", platform: "u50" };

let clock: VirtualClock;
let power: Map<string, number>;
let asked: string[];
let answerMs: number;
let meter: EnergyMeter;
let cms: LedgerRow;
let atlas: LedgerRow;

const row = (tenant: string) =>
  new LedgerRow({ tenant, model: "jets", version: "1", variant: "", device: "x" }, h100);

beforeEach(() => {
  clock = new VirtualClock();
  power = new Map();
  asked = [];
  answerMs = 0;
  cms = row("cms");
  atlas = row("atlas");
  const read = async (devices: readonly Device[]) => {
    asked.push(devices.map(({ id }) => id).join());
    if (answerMs > 0) await new Promise<void>((resolve) => clock.after(answerMs, resolve));
    return new Map(power);
  };
  meter = new EnergyMeter({ power: read, clock });
  meter.start();
});

/** Uses what is given within a stretch, and ends it with a reading of so many watts. */
async function stretch(watts: number | undefined, ...uses: (readonly [LedgerRow, number])[]) {
  for (const [by, seconds] of uses) meter.used(by, h100, seconds);
  power = watts === undefined ? new Map() : new Map([[h100.id, watts]]);
  await clock.advance(10_000);
}

describe("the energy of what was used", () => {
  it("is the mean power between two readings, over each one's device seconds", async () => {
    await stretch(300, [cms, 1]);
    await stretch(500, [cms, 2], [atlas, 1], [cms, 0.5]);
    expect([cms.line.joules, cms.line.measuredSeconds]).toEqual([1000, 2.5]);
    expect([atlas.line.joules, atlas.line.measuredSeconds]).toEqual([400, 1]);
  });

  it("is null until a stretch has a reading at both of its ends", async () => {
    await stretch(300, [cms, 1]);
    expect(cms.line).toMatchObject({ joules: null, measuredSeconds: 0 });
    await stretch(undefined, [cms, 1]);
    await stretch(300, [cms, 1]);
    expect(cms.line).toMatchObject({ joules: null, measuredSeconds: 0 });
    await stretch(300, [cms, 1]);
    expect(cms.line).toMatchObject({ joules: 300, measuredSeconds: 1 });
  });

  it("of several at once is never more than the device drew", async () => {
    await stretch(100, [cms, 1]);
    await stretch(100, [cms, 30], [atlas, 10]);
    expect([cms.line.joules, atlas.line.joules]).toEqual([750, 250]);
    expect(cms.line.measuredSeconds).toBe(30);
  });

  it("of an idle device is nobody's, and begins with the first use after it", async () => {
    await stretch(50, [cms, 1]);
    await stretch(60);
    await stretch(80, [cms, 1]);
    expect(cms.line.joules).toBe(70);
  });

  it("of a device that nobody can measure stays null beside one of which it is known", async () => {
    await stretch(100, [cms, 1]);
    meter.used(atlas, board, 5);
    await stretch(100, [cms, 1]);
    expect([cms.line.joules, atlas.line.joules]).toEqual([100, null]);
  });

  it("is not guessed over a reading that hung", async () => {
    await stretch(100, [cms, 1]);
    answerMs = 40_000;
    await stretch(100, [cms, 1]);
    await clock.advance(40_000);
    expect(cms.line.joules).toBe(null);
    answerMs = 0;
    await stretch(100, [cms, 2]);
    expect(cms.line.joules).toBe(200);
  });

  it("asks nobody before something was used", async () => {
    await stretch(100);
    expect(asked).toEqual([]);
    await stretch(100, [cms, 1]);
    await stretch(100);
    expect(asked).toEqual(["gpu:0", "gpu:0"]);
  });

  it("is told once by what comes of the ledger, and is null where a part has none", async () => {
    await stretch(100, [cms, 1]);
    await stretch(100, [cms, 1]);
    expect(cms.take()).toMatchObject({ joules: 100, measuredSeconds: 1 });
    cms.deviceSeconds += 3;
    expect(cms.take()).toMatchObject({ joules: null, measuredSeconds: 0 });
    await stretch(100, [cms, 2]);
    expect(cms.dirty).toBe(true);
    expect(cms.take()).toMatchObject({ joules: 200, measuredSeconds: 2 });
    expect(cms.line.joules).toBe(300);
  });
});
