/** Names of platforms of AMD/Xilinx cards. */

/**
 * Platforms with two partial regions have two names: what the card reports
 * (`xilinx_u50_gen3x16_xdma_base_5`) and what images are linked for
 * (`xilinx_u50_gen3x16_xdma_5_202210_1`); both stand for
 * `xilinx_u50_gen3x16_xdma_5`. In older names such as
 * `xilinx_u50_xdma_201920_1` the date is part of the shell's own name.
 */
export function samePlatform(one: string, other: string): boolean {
  return baseName(one) === baseName(other);
}

function baseName(platform: string): string {
  return platform
    .toLowerCase()
    .replace(/^(.+_\d{1,3})_20\d{4}_\d+$/, "$1")
    .replace(/_base_(\d{1,3})$/, "_$1");
}
