/** Temperature and power of an FPGA board, from the kernel's sensors below its PCI address. */
import { type HwmonChip, hottestOf, readHwmonOf } from "./hwmon.ts";
import { reading, type SensorReading } from "./reading.ts";

/** AMD's drivers and Intel's board controllers name the chip's own sensor so. */
const CHIP = /^FPGA(?: (?:Core|Die|TEMP|Core Temperature|Die Temperature))?\d*$/i;
/** Of the whole board. */
const POWER = /^(?:Total (?:Input )?Power|Board Power|POWER)$/i;

/** Undefined for a board that has no sensors, an emulated one for example. */
export async function readBoardSensors(
  pciAddress: string,
  folder?: string,
): Promise<SensorReading | undefined> {
  return boardReading(await readHwmonOf(pciAddress, folder));
}

/** A board of which several powers are known, and none as the whole, has no power here: rails overlap. */
export function boardReading(chips: readonly HwmonChip[]): SensorReading | undefined {
  const temperatures = chips.flatMap((chip) => chip.temperatures);
  const powers = chips.flatMap((chip) => chip.powers);
  const own = temperatures.find(({ label }) => CHIP.test(label)) ?? hottestOf(temperatures);
  const whole = powers.find(({ label }) => POWER.test(label));
  const power = whole ?? (powers.length === 1 ? powers[0] : undefined);
  const names = [...new Set(chips.map(({ name }) => name))].join(" and ");
  const labels = [own, power].flatMap((sensor) => (sensor ? [sensor.label] : []));
  return reading(
    { temperatureC: own?.value, powerW: power?.value },
    `hwmon ${[names, ...labels].join(", ")}`,
  );
}
