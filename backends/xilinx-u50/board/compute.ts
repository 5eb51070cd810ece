/**
 * A kernel as a function. Reads and writes the memory behind the ports, inputs and outputs each
 * in the program's order.
 */
export type Compute = (
  inputs: readonly Uint8Array[],
  outputs: readonly Uint8Array[],
  rows: number,
) => void;
