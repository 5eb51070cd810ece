/**
 * XRT's library, once the ICD loader has loaded it, ends the process with an exception
 * where XILINX_XRT is not set or leads nowhere, even if nobody asked for its boards.
 */
import { BackendError } from "../../contract.ts";

/** What AMD's packages install, and where. */
const ICD = "/etc/OpenCL/vendors/xilinx.icd";
const USUAL_HOME = "/opt/xilinx/xrt";

/**
 * @returns what XILINX_XRT has to be; undefined where XRT will not be loaded, or the operator chose the vendors
 * @throws BackendError `device` where loading OpenCL would end this process
 */
export function xrtHome(
  env: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
): string | undefined {
  if (env["OCL_ICD_VENDORS"] !== undefined || !exists(ICD)) return undefined;
  const home = env["XILINX_XRT"] ?? USUAL_HOME;
  if (exists(`${home}/lib/libxrt_core.so.2`)) return home;
  throw new BackendError(
    "device",
    `${ICD} brings in XRT, which needs XILINX_XRT; there is no XRT in ${home}: source its setup.sh, or remove the file`,
  );
}
