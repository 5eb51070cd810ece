/**
 * What the BITSTREAM section of an xclbin for the emulated board holds: eight bytes that
 * say so, then JSON. Where a real bitstream is gates and wires, this is the program of the
 * kernel and how its ports are wired to the memory.
 */
import type { FixedDatatype, FixedPointType } from "../../contract.ts";

const MAGIC = Buffer.from("BGEMUU50", "latin1");

/** What the kernel computes, row by row. */
export type Program =
  /** Two inputs of one shape; their sum and their difference. */
  | { readonly op: "add_sub"; readonly elements: number }
  /** A quantised network; JSON in the form that `common/fixed-point/network.ts` reads. */
  | { readonly op: "network"; readonly network: unknown };

/** A pointer argument of the kernel and the rows behind it. */
export interface Port {
  readonly argument: number;
  readonly role: "input" | "output";
  readonly tensor: string;
  readonly datatype: FixedDatatype;
  readonly encoding?: FixedPointType;
  /** Elements of one row. */
  readonly elements: number;
  readonly storageBits: number;
  /** From one row to the next. */
  readonly rowBytes: number;
  /** The bank that each compute unit's port is wired to, in their order. */
  readonly banks: readonly number[];
}

export interface Bitstream {
  readonly kernel: string;
  /** In the order of the program's inputs and outputs. */
  readonly ports: readonly Port[];
  /** Index of the argument that says how many rows; absent: always `rowsPerCall`. */
  readonly rowsArgument?: number;
  readonly rowsPerCall?: number;
  readonly program: Program;
}

export function writeBitstream(bitstream: Bitstream): Buffer {
  return Buffer.concat([MAGIC, Buffer.from(JSON.stringify(bitstream))]);
}

/** @throws Error for the bitstream of a real board, or one that is damaged. */
export function readBitstream(bytes: Uint8Array): Bitstream {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Error("no bitstream for the emulated board");
  }
  const read = JSON.parse(file.subarray(MAGIC.length).toString("utf8")) as Partial<Bitstream>;
  if (typeof read.kernel !== "string" || !Array.isArray(read.ports) || read.program === undefined) {
    throw new Error("a bitstream without kernel, ports or program");
  }
  return read as Bitstream;
}
