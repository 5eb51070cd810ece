/** Cards and MIG slices of this host as devices, from the texts of nvidia-smi. Pure. */
import { numberWith, type QueryRow } from "../common/nvidia/query.ts";
import type { Device } from "../contract.ts";
import type { ListedCard, ListedSlice } from "./parse-list.ts";
import type { SliceProfile } from "./parse-profiles.ts";

export const CARD_FIELDS = ["uuid", "pci.bus_id", "memory.total", "mig.mode.current"] as const;

export interface Found {
  readonly devices: readonly Device[];
  /** Cards that cannot be used, with the reason and the remedy. */
  readonly unusable: readonly string[];
}

/**
 * A card in MIG mode computes in its slices only, so these stand in its place.
 * @param platform what artifacts for these devices are compiled for
 */
export function inventory(
  cards: readonly ListedCard[],
  rows: readonly QueryRow[],
  profiles: ReadonlyMap<number, readonly SliceProfile[]>,
  platform: string,
): Found {
  const devices: Device[] = [];
  const unusable: string[] = [];
  for (const card of cards) {
    const row = rows.find((candidate) => candidate.get("uuid") === card.uuid);
    const location = busAddress(row?.get("pci.bus_id"));
    const common = { vendor: "nvidia", platform, ...(location && { location }) };
    if (card.slices.length > 0) {
      const ofCard = profiles.get(card.index) ?? [];
      for (const slice of card.slices)
        devices.push({ ...common, ...asDevice(slice, card, ofCard) });
    } else if (row?.get("mig.mode.current") === "Enabled") {
      unusable.push(
        `GPU ${card.index} (${card.uuid}) is in MIG mode and has no slice: make some with ` +
          `nvidia-smi mig -i ${card.index} -cgi <profiles> -C, or leave the mode with -mig 0`,
      );
    } else {
      const mebibytes = numberWith("MiB", row?.get("memory.total"));
      devices.push({
        ...common,
        id: cardId(card),
        description: card.name,
        ...(mebibytes === undefined ? {} : { memoryBytes: mebibytes * 2 ** 20 }),
      });
    }
  }
  return { devices, unusable };
}

export const cardId = ({ uuid }: Pick<ListedCard, "uuid">) => `gpu:${uuid}`;
export const sliceId = ({ uuid }: ListedSlice) => `mig:${uuid}`;

/** What CUDA_VISIBLE_DEVICES is set to for a device. */
export function uuidOf({ id }: Pick<Device, "id">): string {
  return id.slice(id.indexOf(":") + 1);
}

export function isSlice({ id }: Pick<Device, "id">): boolean {
  return id.startsWith("mig:");
}

function asDevice(
  slice: ListedSlice,
  card: ListedCard,
  profiles: readonly SliceProfile[],
): Pick<Device, "id" | "description" | "memoryBytes"> {
  const { profile } = slice;
  const facts = profiles.find(({ name }) => name === profile);
  const whole = Math.max(0, ...profiles.map(({ multiprocessors }) => multiprocessors));
  const share = facts && `, ${facts.multiprocessors} of ${whole} multiprocessors`;
  return {
    id: sliceId(slice),
    description: `MIG ${profile} of ${card.name}${share ?? ""}`,
    ...(facts && { memoryBytes: facts.memoryBytes }),
  };
}

/** As Linux writes it: the tool prints four more zeros of the domain. */
function busAddress(printed: string | undefined): string | undefined {
  return printed?.replace(/^0000(?=[0-9A-Fa-f]{4}:)/, "").toLowerCase();
}
