/** What `nvidia-smi -L` prints: cards, and under each its MIG slices. Pure. */
import { BackendError } from "../contract.ts";

export interface ListedSlice {
  /** `1g.10gb`; `1c.3g.40gb` for a compute instance that is a part of its GPU instance. */
  readonly profile: string;
  /** As CUDA_VISIBLE_DEVICES takes it: `MIG-<uuid>`, or `MIG-GPU-<uuid>/<instance>/<instance>` of drivers before 470. */
  readonly uuid: string;
}

export interface ListedCard {
  /** The number that other commands of the tool print in place of the UUID. */
  readonly index: number;
  readonly name: string;
  /** `GPU-<uuid>`. */
  readonly uuid: string;
  readonly slices: readonly ListedSlice[];
}

const CARD = /^GPU (\d+): (.+) \(UUID: (GPU-[0-9A-Za-z-]+)\)$/;
const SLICE = /^MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[0-9A-Za-z/-]+)\)$/;

/**
 * @param text empty: no cards
 * @throws BackendError `device` quoting the line that is neither a card nor a slice
 */
export function parseList(text: string): readonly ListedCard[] {
  const cards: (ListedCard & { readonly slices: ListedSlice[] })[] = [];
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "") continue;
    const card = CARD.exec(trimmed);
    if (card) {
      const [, index, name = "", uuid = ""] = card;
      cards.push({ index: Number(index), name, uuid, slices: [] });
      continue;
    }
    const [, profile, uuid] = SLICE.exec(trimmed) ?? [];
    const parent = cards.at(-1);
    if (profile === undefined || uuid === undefined || parent === undefined) {
      throw new BackendError(
        "device",
        `nvidia-smi -L: expected a GPU or one of its MIG slices, got "${trimmed.slice(0, 120)}"`,
      );
    }
    parent.slices.push({ profile, uuid });
  }
  return cards;
}
