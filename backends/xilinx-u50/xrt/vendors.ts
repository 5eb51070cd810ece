/** A folder of OpenCL vendors: the ICD loader reads one folder only, and Debian's XRT is listed in none. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SYSTEM_VENDORS = "/etc/OpenCL/vendors";
const ICD_FILE = "xilinx.icd";

/** XRT's library beside the OpenCL implementations that the host has anyway. */
export function writeVendors(folder: string, library: string): void {
  mkdirSync(folder, { recursive: true });
  if (existsSync(SYSTEM_VENDORS)) {
    for (const name of readdirSync(SYSTEM_VENDORS)) {
      symlinkSync(join(SYSTEM_VENDORS, name), join(folder, name));
    }
  }
  if (!existsSync(join(folder, ICD_FILE))) writeFileSync(join(folder, ICD_FILE), `${library}\n`);
}
