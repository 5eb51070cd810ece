/** What the sensors of cards and slices say. */
import { nvidiaSmi } from "../common/nvidia/nvidia-smi.ts";
import { readNvidiaSensors } from "../common/sensors/nvidia.ts";
import type { DeviceSensors } from "../contract.ts";
import { cardId, sliceId } from "./inventory.ts";
import type { GpuOptions } from "./options.ts";
import { parseList } from "./parse-list.ts";

/**
 * A slice shares the heat of its card; power, use and memory of the card are not its own, so it has none.
 * @throws BackendError `device` where the tool fails
 */
export async function readSensors({
  devices: wanted,
  nvidiaSmi: tool,
}: Pick<GpuOptions, "devices" | "nvidiaSmi">): Promise<readonly DeviceSensors[]> {
  const cards = parseList(await nvidiaSmi(tool, ["-L"]));
  if (cards.length === 0) return [];
  const readings = await readNvidiaSensors(tool);
  const sensors: DeviceSensors[] = [];
  for (const card of cards) {
    const reading = readings.get(card.uuid);
    if (reading === undefined) continue;
    if (card.slices.length === 0) sensors.push({ id: cardId(card), ...reading });
    const { temperatureC, source } = reading;
    if (temperatureC === undefined) continue;
    for (const slice of card.slices) {
      sensors.push({ id: sliceId(slice), temperatureC, source: `${source}, of the whole card` });
    }
  }
  return wanted === undefined ? sensors : sensors.filter(({ id }) => wanted.includes(id));
}
