/** The CPU of this machine as a device. */
import { readFile } from "node:fs/promises";
import { arch, cpus, platform } from "node:os";
import type { Device } from "../contract.ts";

/** ARM's register MIDR, bits 31-24, as /proc/cpuinfo shows it. */
const ARM_IMPLEMENTERS: Readonly<Record<string, string>> = {
  "0x41": "ARM",
  "0x42": "Broadcom",
  "0x46": "Fujitsu",
  "0x48": "HiSilicon",
  "0x4e": "NVIDIA",
  "0x50": "Applied Micro",
  "0x51": "Qualcomm",
  "0x61": "Apple",
  "0x6d": "Microsoft",
  "0xc0": "Ampere",
};

export async function describeCpu(): Promise<Device> {
  const cpuinfo = await readFile("/proc/cpuinfo", "utf8").catch(() => "");
  return { id: "cpu:0", vendor: readVendor(cpuinfo), platform: `${platform()}/${arch()}` };
}

/** Who made the CPU: x86 says it in words, ARM by a number. */
export function readVendor(cpuinfo: string): string {
  const x86 = field(cpuinfo, "vendor_id");
  if (x86 !== undefined) return x86;
  const implementer = field(cpuinfo, "CPU implementer");
  if (implementer !== undefined) return ARM_IMPLEMENTERS[implementer] ?? implementer;
  return cpus()[0]?.model.trim() || "unknown";
}

function field(cpuinfo: string, name: string): string | undefined {
  return new RegExp(`^${name}\\s*:\\s*(\\S.*)$`, "m").exec(cpuinfo)?.[1]?.trim();
}
