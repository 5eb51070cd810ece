/** MEM_TOPOLOGY: the memory banks of the platform, and which of them the image uses. */
import type { ByteView } from "../../common/artifact-file/byte-view.ts";
import { entryOffsets } from "./counted-entries.ts";

/** `enum MEM_TYPE` of XRT's xclbin.h. */
const TYPES = [
  "DDR3",
  "DDR4",
  "DRAM",
  "STREAMING",
  "PREALLOCATED_GLOB",
  "ARE",
  "HBM",
  "BRAM",
  "URAM",
  "STREAMING_CONNECTION",
  "HOST",
  "PS_KERNEL",
];

export interface MemoryBank {
  readonly type: string;
  readonly used: boolean;
  readonly sizeKiB: number;
  /** Where it begins in the address space of the card, `0x10000000`. */
  readonly baseAddress: string;
  /** `HBM[0]`, `bank1`, ... */
  readonly tag: string;
}

/** In the order that CONNECTIVITY counts them. */
export function readMemTopology(view: ByteView): MemoryBank[] {
  const layout = { headBytes: 8, entryBytes: 40 };
  return entryOffsets(view, view.i32(0), layout).map((at) => {
    const type = view.u8(at);
    return {
      type: TYPES[type] ?? `type ${type}`,
      used: view.u8(at + 1) !== 0,
      sizeKiB: Number(view.u64(at + 8)),
      baseAddress: view.address64(at + 16),
      tag: view.fixedText(at + 24, 16),
    };
  });
}
