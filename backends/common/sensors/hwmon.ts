/**
 * The kernel's sensors: `/sys/class/hwmon/hwmon<n>/` with `name`, `temp<m>_input` in thousandths of a
 * degree Celsius and `power<m>_input` or `power<m>_average` in microwatts, each with a `_label` or none.
 * Source: Documentation/hwmon/sysfs-interface.rst of Linux.
 */
import { readdir, readFile, realpath } from "node:fs/promises";
import { join } from "node:path";

export const HWMON_FOLDER = "/sys/class/hwmon";

export interface HwmonSensor {
  /** `temp1` where the chip gives none. */
  readonly label: string;
  /** °C or W. */
  readonly value: number;
}

export interface HwmonChip {
  readonly name: string;
  readonly temperatures: readonly HwmonSensor[];
  readonly powers: readonly HwmonSensor[];
}

export function hottestOf(sensors: readonly HwmonSensor[]): HwmonSensor | undefined {
  return sensors.reduce<HwmonSensor | undefined>(
    (most, sensor) => (most === undefined || sensor.value > most.value ? sensor : most),
    undefined,
  );
}

/** All chips that can be read; none where the system has no such folder. */
export async function readHwmon(folder = HWMON_FOLDER): Promise<readonly HwmonChip[]> {
  return readChips((await entries(folder)).map((name) => join(folder, name)));
}

/** Chips of one PCI card, wherever below it its driver put them. */
export async function readHwmonOf(
  pciAddress: string,
  folder = HWMON_FOLDER,
): Promise<readonly HwmonChip[]> {
  const chips: string[] = [];
  for (const name of await entries(folder)) {
    const path = await realpath(join(folder, name)).catch(() => "");
    if (path.split("/").includes(pciAddress)) chips.push(path);
  }
  return readChips(chips);
}

function readChips(folders: readonly string[]): Promise<readonly HwmonChip[]> {
  return Promise.all(folders.map(readChip));
}

async function readChip(folder: string): Promise<HwmonChip> {
  const files = await entries(folder);
  return {
    name: (await text(join(folder, "name"))) ?? "",
    temperatures: await readSensors(folder, files, /^(temp\d+)_input$/, 1e3),
    powers: await readSensors(folder, files, /^(power\d+)_(?:input|average)$/, 1e6),
  };
}

async function readSensors(
  folder: string,
  files: readonly string[],
  pattern: RegExp,
  divisor: number,
): Promise<readonly HwmonSensor[]> {
  const sensors = new Map<string, HwmonSensor>();
  for (const file of files) {
    const name = pattern.exec(file)?.[1];
    if (name === undefined) continue;
    // A sensor whose device sleeps, or is of a core that is off, fails to be read.
    const raw = await text(join(folder, file));
    if (raw === undefined || !/^-?\d+$/.test(raw)) continue;
    const label = (await text(join(folder, `${name}_label`))) || name;
    sensors.set(name, { label, value: Number(raw) / divisor });
  }
  return [...sensors.values()];
}

async function entries(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

async function text(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").then(
    (content) => content.trim(),
    () => undefined,
  );
}
