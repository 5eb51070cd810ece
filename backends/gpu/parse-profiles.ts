/**
 * What `nvidia-smi mig -lgip` prints: the kinds of slices of each card, with memory and
 * multiprocessors. Pure. (`mig -lgi` lists the instances, but says neither, nor their UUIDs.)
 */

export interface SliceProfile {
  /** `1g.10gb`, with `+me` and the like where the tool says so. */
  readonly name: string;
  readonly memoryBytes: number;
  /** Streaming multiprocessors. */
  readonly multiprocessors: number;
}

/** Columns: GPU, name, id, free/total instances, memory in GiB, P2P, multiprocessors. */
const ROW = /^\|\s+(\d+)\s+MIG (\S+)\s+\d+\s+\d+\/\d+\s+(\d+(?:\.\d+)?)\s+\S+\s+(\d+)\s/;

/** Profiles by the index of the card; lines of the frame and of other form are passed over. */
export function parseProfiles(text: string): ReadonlyMap<number, readonly SliceProfile[]> {
  const profiles = new Map<number, SliceProfile[]>();
  for (const line of text.split(/\r?\n/)) {
    const [, card, name, gibibytes, multiprocessors] = ROW.exec(line.trim()) ?? [];
    if (name === undefined) continue;
    const index = Number(card);
    const ofCard = profiles.get(index) ?? [];
    profiles.set(index, ofCard);
    ofCard.push({
      name,
      memoryBytes: Math.round(Number(gibibytes) * 2 ** 30),
      multiprocessors: Number(multiprocessors),
    });
  }
  return profiles;
}
