/** Runtimes of devices: each configured backend is asked what it finds, in a process of its own. */
import type { BackendSource } from "../../workers/words.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** What a backend needs of this machine; `emulated` is the backend's own option. */
const REMEDIES: Readonly<Record<string, string>> = {
  "xilinx-u50":
    "install XRT and look with 'xbutil examine'; emulated boards need libxrt1, pocl-opencl-icd and ocl-icd-libopencl1",
  "intel-fpga":
    "install the board's BSP and OpenCL runtime; emulated boards need pocl-opencl-icd and ocl-icd-libopencl1",
  gpu: "install NVIDIA's driver and look with 'nvidia-smi'; in a container --gpus=all",
  remote: "look whether the servers run that its option 'servers' names",
};

export async function checkDevices(configured: readonly BackendSource[]): Promise<Finding[]> {
  if (configured.length === 0) return [ok("devices", "only the CPU: backends names no others")];
  const { probeDevices } = await import("../../wiring/probe-devices.ts");
  const troubles: string[] = [];
  try {
    const devices = await probeDevices(configured, (text) => troubles.push(text));
    return configured.map(({ kind }) => {
      const check = `devices of ${kind}`;
      const remedy = REMEDIES[kind] ?? "read what the backend's own pages say";
      const trouble = troubles.find((text) => text.startsWith(`backend ${kind}: `));
      if (trouble !== undefined) return fail(check, trouble, remedy);
      const found = devices.filter(({ backend }) => backend === kind);
      if (found.length === 0) return warn(check, "none found", remedy);
      return ok(
        check,
        found.map(({ id, emulated }) => (emulated ? `${id} (emulated)` : id)).join(", "),
      );
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [fail("devices", reason, "correct backends in the configuration")];
  }
}
