import { describe, expect, it } from "vitest";
import { readSensors } from "./sensors.ts";

const card = { id: "u50-0", vendor: "xilinx", platform: "u50" };

describe("the sensors of cards", () => {
  it("are none of an emulated board, nor of a card that is not where it says", async () => {
    expect(await readSensors([{ ...card, emulated: true }])).toEqual([]);
    expect(await readSensors([{ ...card, location: "ffff:ff:1f.7" }])).toEqual([]);
  });
});
