/** A kernel as a function: the program of a bitstream, made ready to run. */
import { addSub } from "./add-sub.ts";
import type { Bitstream } from "./bitstream.ts";
import { networkProgram } from "./network-program.ts";

/** Reads and writes the memory behind the ports, inputs and outputs each in the program's order. */
export type Compute = (
  inputs: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
  rows: number,
) => void;

/** @throws Error where the program is unknown or does not fit its ports. */
export function compile({ program, ports }: Bitstream): Compute {
  switch (program.op) {
    case "add_sub":
      return addSub(program.elements, ports);
    case "network":
      return networkProgram(program.network, ports);
    default:
      throw new Error(`unknown program "${(program as { op: string }).op}"`);
  }
}
