/**
 * Whether the sections of an image agree with each other. XRT trusts them one
 * by one, and a library that finds a unit without registers or an argument
 * without a bank fails late, or not at all.
 */
import type { Place } from "../../common/artifact-file/place.ts";
import type { Connection } from "./connectivity.ts";
import type { XclbinKernel } from "./embedded-metadata.ts";
import { type IpBlock, kernelAndUnit } from "./ip-layout.ts";
import type { MemoryBank } from "./mem-topology.ts";

const REBUILD = "the image was not made by v++ as it is: build it again";

export interface LinkedSections {
  readonly kernels: readonly XclbinKernel[];
  readonly ips: readonly IpBlock[];
  readonly connections: readonly Connection[];
  readonly banks: readonly MemoryBank[];
}

/** @throws BackendError `artifact` naming the first disagreement */
export function checkConsistency(place: Place, linked: LinkedSections): void {
  checkNames(place, linked);
  linked.kernels.forEach((kernel) => {
    checkRegisters(place, kernel);
  });
  const kernels = new Map(linked.kernels.map((kernel) => [kernel.name, kernel]));
  const connections = linked.ips.map((): Connection[] => []);
  for (const connection of linked.connections) connections[connection.ip]?.push(connection);
  linked.ips.forEach((ip, index) => {
    if (!ip.isKernel) return;
    const [kernelName] = kernelAndUnit(ip.name);
    const where = place.part(`section CONNECTIVITY, compute unit '${ip.name}'`);
    const own = connections[index] ?? [];
    checkConnections(where, kernels.get(kernelName), own, linked.banks);
  });
}

/** The compute units of the XML are those of IP_LAYOUT. */
function checkNames(place: Place, { kernels, ips }: LinkedSections): void {
  const described = new Set<string>();
  for (const kernel of kernels) {
    for (const unit of kernel.computeUnits) described.add(`${kernel.name}:${unit.name}`);
  }
  const laidOut = new Set(ips.filter((ip) => ip.isKernel).map((ip) => ip.name));
  for (const name of laidOut) {
    if (described.has(name)) continue;
    throw place.refusal(
      `section IP_LAYOUT has a compute unit '${name}' that EMBEDDED_METADATA does not describe`,
      REBUILD,
    );
  }
  for (const name of described) {
    if (laidOut.has(name)) continue;
    throw place.refusal(
      `section EMBEDDED_METADATA describes a compute unit '${name}' that IP_LAYOUT does not have`,
      REBUILD,
    );
  }
}

/** Registers of arguments lie within the register file of the kernel. */
function checkRegisters(place: Place, kernel: XclbinKernel): void {
  const { controlBytes } = kernel;
  if (controlBytes === undefined) return;
  for (const argument of kernel.arguments) {
    if (argument.kind === "stream") continue;
    const end = argument.offset + argument.sizeBytes;
    if (end <= controlBytes) continue;
    throw place.refusal(
      `section EMBEDDED_METADATA, kernel '${kernel.name}': the register of argument ` +
        `'${argument.name}' ends at ${end}, expected within ${controlBytes} bytes`,
      REBUILD,
    );
  }
}

/** Buffers of a compute unit are wired to banks that the image uses, and nothing else is. */
function checkConnections(
  place: Place,
  kernel: XclbinKernel | undefined,
  connections: readonly Connection[],
  banks: readonly MemoryBank[],
): void {
  const all = kernel?.arguments ?? [];
  const connected = new Set<number>();
  for (const { argument, bank } of connections) {
    if (argument >= all.length) {
      throw place.refusal(
        `argument ${argument}, expected one of the ${all.length} it has`,
        REBUILD,
      );
    }
    if (banks[bank]?.used !== true) {
      throw place.refusal(
        `argument ${argument} in bank ${bank} '${banks[bank]?.tag ?? ""}', which MEM_TOPOLOGY ` +
          "says is not used",
        REBUILD,
      );
    }
    connected.add(argument);
  }
  for (const { index, name, kind } of all) {
    if ((kind !== "global" && kind !== "constant") || connected.has(index)) continue;
    throw place.refusal(`no memory bank for argument ${index} '${name}'`, REBUILD);
  }
}
