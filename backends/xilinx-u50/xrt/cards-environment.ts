/** What XRT wants to find in its environment on a host with cards; without XILINX_XRT it aborts the process. */
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { findLibraries, OPENCL_LIBRARY } from "./libraries.ts";
import { privateFolder } from "./private-folder.ts";
import { writeVendors } from "./vendors.ts";

/** Where AMD's packages put XRT; they list it with the ICD loader, too. */
const VENDORS_XRT = "/opt/xilinx/xrt";

/** Leaves alone what `setup.sh` of XRT has set. Does nothing where there is no XRT. */
export function prepareForCards(): void {
  if (process.env["XILINX_XRT"] !== undefined) return;
  if (existsSync(VENDORS_XRT)) {
    process.env["XILINX_XRT"] = VENDORS_XRT;
    return;
  }
  const libraries = findLibraries(OPENCL_LIBRARY);
  if (libraries === undefined) return;
  const folder = privateFolder();
  const lib = join(folder, "xrt/lib");
  mkdirSync(dirname(lib), { recursive: true });
  symlinkSync(libraries, lib);
  writeVendors(join(folder, "vendors"), join(libraries, OPENCL_LIBRARY));
  process.env["XILINX_XRT"] = join(folder, "xrt");
  process.env["OCL_ICD_VENDORS"] = join(folder, "vendors");
}
