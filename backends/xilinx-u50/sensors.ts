/** Temperature and power of cards: from the kernel, else from XRT's tools. Emulated boards have none. */
import { readBoardSensors } from "../common/sensors/board.ts";
import { readXrtSensors } from "../common/sensors/xrt.ts";
import type { Device, DeviceSensors } from "../contract.ts";

export async function readSensors(cards: readonly Device[]): Promise<readonly DeviceSensors[]> {
  const readings = await Promise.all(
    cards.map(async ({ id, location }) => {
      if (location === undefined) return [];
      const reading = (await readBoardSensors(location)) ?? (await readXrtSensors(location));
      return reading === undefined ? [] : [{ id, ...reading }];
    }),
  );
  return readings.flat();
}
