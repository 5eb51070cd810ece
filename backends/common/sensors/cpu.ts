/** Temperature and power of this host's CPU. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type HwmonChip, type HwmonSensor, hottestOf, readHwmon } from "./hwmon.ts";
import { reading, type SensorReading } from "./reading.ts";

/** Which sensors of which chip are the CPU's, not a core's or the board's. */
interface CpuChip {
  readonly chip: RegExp;
  /** The first that any sensor matches is taken. */
  readonly temperatures: readonly RegExp[];
}

const ANY = /^/;
const CPU_CHIPS: readonly CpuChip[] = [
  { chip: /^coretemp$/, temperatures: [/^Package id/, ANY] },
  // Tctl is for fans, and above the truth on some models.
  { chip: /^(?:k10temp|zenpower)$/, temperatures: [/^Tdie$/, /^Tctl$/, ANY] },
  { chip: /^(?:cpu|soc)[_-]?thermal$/, temperatures: [ANY] },
  { chip: /xgene|smpro/, temperatures: [/^SoC Temperature$/i] },
];
const POWER = /^CPU power$/i;

/** Thermal zones of the CPU, where no chip is there; ARM boards have these. */
const ZONE = /^(?:x86_pkg_temp|(?:cpu|soc|cluster)\d*[-_]?thermal.*)$/;
export const THERMAL_FOLDER = "/sys/class/thermal";

/** The hottest package where there are several. Undefined where none can be read. */
export async function readCpuSensors(
  hwmonFolder?: string,
  thermalFolder = THERMAL_FOLDER,
): Promise<SensorReading | undefined> {
  return cpuReading(await readHwmon(hwmonFolder)) ?? (await readZones(thermalFolder));
}

export function cpuReading(chips: readonly HwmonChip[]): SensorReading | undefined {
  for (const { chip, temperatures } of CPU_CHIPS) {
    const present = chips.filter(({ name }) => chip.test(name));
    const sensors = present.flatMap((one) => one.temperatures);
    const pattern = temperatures.find((label) =>
      sensors.some((sensor) => label.test(sensor.label)),
    );
    const hottest = pattern && hottestOf(sensors.filter(({ label }) => pattern.test(label)));
    const powers = present.flatMap((one) => one.powers).filter(({ label }) => POWER.test(label));
    const found = reading(
      {
        temperatureC: hottest?.value,
        powerW: powers.length > 0 ? sum(powers) : undefined,
      },
      `hwmon ${present[0]?.name}${hottest ? `, ${hottest.label}` : ""}`,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

async function readZones(folder: string): Promise<SensorReading | undefined> {
  const names = await readdir(folder).catch(() => []);
  const zones: HwmonSensor[] = [];
  for (const name of names) {
    const read = (file: string) => readFile(join(folder, name, file), "utf8").catch(() => "");
    const label = (await read("type")).trim();
    const raw = (await read("temp")).trim();
    if (ZONE.test(label) && /^-?\d+$/.test(raw)) zones.push({ label, value: Number(raw) / 1000 });
  }
  const hottest = hottestOf(zones);
  return hottest && reading({ temperatureC: hottest.value }, `thermal zone ${hottest.label}`);
}

const sum = (sensors: readonly HwmonSensor[]) =>
  sensors.reduce((total, { value }) => total + value, 0);
