/** A quantised network as the program of a kernel. */
import { readNetwork } from "../../common/fixed-point/network.ts";
import type { Port } from "./bitstream.ts";
import { compileNetwork, type NetworkStorage } from "./compile-network.ts";
import type { Compute } from "./compute.ts";

/**
 * Tensors of the network belong to the ports with their role in order, whatever their names.
 * @throws Error where they do not fit.
 */
export function networkProgram(json: unknown, ports: readonly Port[]): Compute {
  const network = readNetwork(json);
  const storage: Record<string, NetworkStorage[string]> = {};
  for (const role of ["input", "output"] as const) {
    const tensors = network[`${role}s`];
    const own = ports.filter((port) => port.role === role);
    if (own.length !== tensors.length) {
      throw new Error(
        `network "${network.name}" has ${tensors.length} ${role}s, the kernel ${own.length}`,
      );
    }
    for (const [i, { name, elements, type }] of tensors.entries()) {
      const port = own[i] as Port;
      if (port.elements !== elements || (port.encoding && port.encoding.w !== type.w)) {
        throw new Error(
          `${role} "${port.tensor}": ${port.elements} elements of ${port.encoding?.w ?? port.storageBits} bits; ` +
            `the network has ${elements} of ${type.w}`,
        );
      }
      storage[name] = { storageBits: port.storageBits, rowBytes: port.rowBytes };
    }
  }
  const compiled = compileNetwork(network, storage);
  return (inputs, outputs, rows) => compiled.run(rows, inputs, outputs);
}
