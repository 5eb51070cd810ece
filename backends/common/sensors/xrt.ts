/** Sensors of an AMD board, as XRT's `xbutil` or `xrt-smi` writes them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTool } from "../tools/run-tool.ts";
import { reading, type SensorReading } from "./reading.ts";

const TOOLS = ["xrt-smi", "xbutil"];
const TIMEOUT_MS = 10_000;

/**
 * @param pciAddress `0000:3b:00.1`
 * @param tools tried in this order; default: those on the PATH
 * @returns undefined where no tool is there, or none can read the board
 */
export async function readXrtSensors(
  pciAddress: string,
  tools: readonly string[] = TOOLS,
): Promise<SensorReading | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "beamgate-xrt-"));
  try {
    for (const [i, tool] of tools.entries()) {
      // The report goes to a file only, and the tool does not replace one.
      const file = join(folder, `${i}.json`);
      const what = ["-r", "thermal", "electrical", "-f", "JSON", "-o", file];
      await runTool(tool, ["examine", "-d", pciAddress, ...what], TIMEOUT_MS);
      const written = await readFile(file, "utf8").catch(() => undefined);
      const found = written === undefined ? undefined : parseXrt(written).get(pciAddress);
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Readings by PCI address. What is no such report has none. */
export function parseXrt(json: string): ReadonlyMap<string, SensorReading> {
  const readings = new Map<string, SensorReading>();
  for (const device of list(field(parsed(json), "devices"))) {
    const address = field(device, "device_id");
    const found = readDevice(device);
    if (typeof address === "string" && found !== undefined) readings.set(address, found);
  }
  return readings;
}

function readDevice(device: unknown): SensorReading | undefined {
  const temperatures = list(field(device, "thermals"))
    .filter((sensor) => String(field(sensor, "is_present")) === "true")
    .map((sensor) => ({
      place: String(field(sensor, "location_id")),
      value: decimal(field(sensor, "temp_C")),
    }))
    // A sensor that is present and off says 0.
    .filter(({ value = 0 }) => value > 0);
  const chip = temperatures.find(({ place }) => /^fpga/i.test(place)) ?? temperatures[0];
  const power = decimal(field(field(device, "electrical"), "power_consumption_watts"));
  return reading(
    { temperatureC: chip?.value, powerW: power },
    `XRT${chip ? `, ${chip.place}` : ""}`,
  );
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function field(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** XRT writes numbers as texts; `N/A` is none. */
function decimal(value: unknown): number | undefined {
  const text = typeof value === "number" ? String(value) : value;
  return typeof text === "string" && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}
