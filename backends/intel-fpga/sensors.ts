/** Temperature and power of Intel's boards, by OPAE's `fpgainfo`. Emulated boards have none. */
import { readFpgainfo } from "../common/sensors/fpgainfo.ts";
import type { Device, DeviceSensors } from "../contract.ts";

/** The OpenCL runtime does not tell a board's PCI address: with several boards nobody knows whose values they are. */
export async function readSensors(
  boards: readonly Device[],
  tool?: string,
): Promise<readonly DeviceSensors[]> {
  const cards = boards.filter(({ emulated }) => emulated !== true);
  const [card] = cards;
  if (card === undefined || cards.length > 1) return [];
  const readings = [...(await readFpgainfo(tool)).values()];
  const [reading] = readings;
  return reading === undefined || readings.length > 1 ? [] : [{ id: card.id, ...reading }];
}
