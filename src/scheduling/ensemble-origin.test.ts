import { describe, expect, it } from "vitest";
import type { Parameters } from "../inference/request.ts";
import { EnsembleOrigin } from "./ensemble-origin.ts";

const on = (device: string, emulated: boolean): Parameters =>
  new Map([
    ["beamgate_device", { type: "string", value: device }],
    ["beamgate_emulated", { type: "bool", value: emulated }],
  ]);
const cpu = on("cpu", false);
const card = on("u50-0", true);

describe("the answer of an ensemble", () => {
  it("tells what its steps told, in their order", () => {
    const steps = [
      { model: "prepare", version: "1", parameters: cpu },
      { model: "jets", version: "3", parameters: card },
    ];
    const told = Object.fromEntries(new EnsembleOrigin().of(steps) ?? []);
    expect(told).toEqual({
      beamgate_steps: { type: "string", value: "prepare/1,jets/3" },
      beamgate_device: { type: "string", value: "cpu,u50-0" },
      beamgate_emulated: { type: "bool", value: true },
    });
  });

  it("keeps the places of steps that did not tell something", () => {
    const steps = [
      { model: "prepare", version: "1", parameters: new Map() },
      { model: "jets", version: "3", parameters: cpu },
    ];
    const told = new EnsembleOrigin().of(steps);
    expect(told?.get("beamgate_device")?.value).toBe(",cpu");
    expect(told?.get("beamgate_emulated")?.value).toBe(false);
  });

  it("is the same object until a step answers from elsewhere", () => {
    const origin = new EnsembleOrigin();
    const at = (parameters: Parameters) => origin.of([{ model: "a", version: "1", parameters }]);
    const first = at(cpu);
    expect(at(cpu)).toBe(first);
    expect(at(card)).not.toBe(first);
    expect(origin.of([])).toBeUndefined();
  });
});
