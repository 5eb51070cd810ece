/** Where XRT lies on this host. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BackendError } from "../../contract.ts";

/** XRT's OpenCL implementation; what an ICD file of it names. */
export const OPENCL_LIBRARY = "libxilinxopencl.so.2";
/** The shim that drives a device process instead of a card. */
export const EMULATION_LIBRARY = "libxrt_swemu.so.2";

const FOLDERS = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/opt/xilinx/xrt/lib",
];

/** The folder that has all these libraries; undefined: none has. */
export function findLibraries(...names: readonly string[]): string | undefined {
  return FOLDERS.find((folder) => names.every((name) => existsSync(join(folder, name))));
}

/**
 * The folder with XRT's libraries, software emulation among them.
 * @throws BackendError `device` that says what to install.
 */
export function requireEmulation(): string {
  const folder = findLibraries(OPENCL_LIBRARY, EMULATION_LIBRARY);
  if (folder !== undefined) return folder;
  throw new BackendError(
    "device",
    `emulated U50: ${OPENCL_LIBRARY} and ${EMULATION_LIBRARY} are in none of ${FOLDERS.join(", ")}: ` +
      "install XRT 2.13 (Debian: libxrt1) and an OpenCL loader (ocl-icd-libopencl1)",
  );
}
