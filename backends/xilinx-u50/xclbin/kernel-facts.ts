/** The kernels of an image as a manifest is compared with. */
import type { ArgumentFacts, KernelFacts } from "../../common/kernel-manifest/kernel-facts.ts";
import type { XclbinArgument } from "./embedded-metadata.ts";
import { kernelAndUnit } from "./ip-layout.ts";
import type { Xclbin } from "./read-xclbin.ts";

export function kernelFacts(xclbin: Xclbin): KernelFacts[] {
  const units = unitsByKernel(xclbin);
  const banks = banksByUnit(xclbin);
  return (xclbin.kernels ?? []).map((kernel) => ({
    name: kernel.name,
    computeUnits: units.get(kernel.name) ?? [],
    arguments: kernel.arguments.map((argument) => ({
      name: argument.name,
      kind: kindOf(argument),
      sizeBytes: argument.sizeBytes,
      banksIn: (unit) => banks.get(`${kernel.name}:${unit}`)?.get(argument.index) ?? [],
    })),
  }));
}

/** Names in the order of IP_LAYOUT, which is how XRT finds them. */
function unitsByKernel({ ips = [] }: Xclbin): Map<string, string[]> {
  const units = new Map<string, string[]>();
  for (const ip of ips) {
    if (!ip.isKernel) continue;
    const [kernel, unit] = kernelAndUnit(ip.name);
    const known = units.get(kernel);
    if (known === undefined) units.set(kernel, [unit]);
    else known.push(unit);
  }
  return units;
}

/** By `kernel:unit`, then by index of the argument. */
export function banksByUnit({ ips = [], connections = [] }: Xclbin) {
  const units = new Map<string, Map<number, number[]>>();
  for (const { ip, argument, bank } of connections) {
    const name = ips[ip]?.name ?? "";
    const unit = units.get(name) ?? new Map<number, number[]>();
    units.set(name, unit);
    const banks = unit.get(argument);
    if (banks === undefined) unit.set(argument, [bank]);
    else banks.push(bank);
  }
  return units;
}

function kindOf({ kind }: XclbinArgument): ArgumentFacts["kind"] {
  if (kind === "scalar") return "scalar";
  return kind === "global" || kind === "constant" ? "buffer" : "other";
}
