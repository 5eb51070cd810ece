/** Makes the program of a bitstream ready to run. */
import { addSub } from "./add-sub.ts";
import type { Bitstream } from "./bitstream.ts";
import type { Compute } from "./compute.ts";
import { networkProgram } from "./network-program.ts";

/** @throws Error where the program is unknown or does not fit its ports. */
export function compileProgram({ program, ports }: Bitstream): Compute {
  switch (program.op) {
    case "add_sub":
      return addSub(program.elements, ports);
    case "network":
      return networkProgram(program.network, ports);
    default:
      throw new Error(`unknown program "${(program as { op: string }).op}"`);
  }
}
