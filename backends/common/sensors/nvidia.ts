/** Sensors of NVIDIA's GPUs, as nvidia-smi prints them. */
import { nvidiaSmi } from "../nvidia/nvidia-smi.ts";
import { numberWith, parseQuery, type QueryRow } from "../nvidia/query.ts";
import { reading, type SensorReading } from "./reading.ts";

const FIELDS = [
  "uuid",
  "temperature.gpu",
  "power.draw",
  "utilization.gpu",
  "memory.used",
  "power.limit",
] as const;

/**
 * @returns readings by UUID of the card
 * @throws BackendError `device` where the tool is missing or fails
 */
export async function readNvidiaSensors(tool: string): Promise<ReadonlyMap<string, SensorReading>> {
  const query = [`--query-gpu=${FIELDS.join(",")}`, "--format=csv"];
  return nvidiaReadings(parseQuery(await nvidiaSmi(tool, query), FIELDS));
}

export function nvidiaReadings(rows: readonly QueryRow[]): ReadonlyMap<string, SensorReading> {
  const readings = new Map<string, SensorReading>();
  for (const row of rows) {
    const percent = numberWith("%", row.get("utilization.gpu"));
    const mebibytes = numberWith("MiB", row.get("memory.used"));
    const found = reading(
      {
        temperatureC: numberWith("", row.get("temperature.gpu")),
        powerW: numberWith("W", row.get("power.draw")),
        powerLimitW: numberWith("W", row.get("power.limit")),
        utilisation: percent === undefined ? undefined : percent / 100,
        memoryUsedBytes: mebibytes === undefined ? undefined : mebibytes * 2 ** 20,
      },
      "nvidia-smi",
    );
    const uuid = row.get("uuid");
    if (uuid !== undefined && found !== undefined) readings.set(uuid, found);
  }
  return readings;
}
