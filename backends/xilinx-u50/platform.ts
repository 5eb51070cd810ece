/** The Alveo U50 as the host sees it: 8 GB of HBM2 in 32 pseudo-channels of 256 MB (AMD DS965, UG1393). */
import { type Bank, HBM } from "./xclbin-writer/layout-sections.ts";

export const BANK_COUNT = 32;
export const BANK_BYTES = 256 * 2 ** 20;

/** XRT's name of the shell `xilinx_u50_gen3x16_xdma_5_202210_1`. */
export const U50_PLATFORM = "xilinx_u50_gen3x16_xdma_base_5";

/** Registers of the first compute unit, and from one unit to the next. */
export const UNIT_BASE = 0x1800000;
export const UNIT_STRIDE = 0x10000;
/** The link stage places no more on this shell. */
export const MOST_UNITS = 32;

export function u50Banks(used: ReadonlySet<number>): Bank[] {
  return Array.from({ length: BANK_COUNT }, (_, i) => ({
    type: HBM,
    used: used.has(i),
    sizeBytes: BANK_BYTES,
    base: i * BANK_BYTES,
    tag: `HBM[${i}]`,
  }));
}

/** The bank an address of the device's memory belongs to. */
export const bankOf = (address: number) => Math.floor(address / BANK_BYTES);

/** `xilinx_u50_gen3x16_xdma_base_5` in the parts that the metadata names apart. */
export function vbnvParts(platform: string) {
  const [vendor = "", board = "", ...rest] = platform.split("_");
  const major = rest.pop() ?? "";
  return { vendor, board, name: rest.join("_"), major };
}
