/** The sections of an xclbin that tell the host what lies where: memory banks, compute units, wires between them. */

/** Types of a bank, of XRT's `MEM_TYPE`. */
export const HBM = 6;

export interface Bank {
  readonly type: number;
  readonly used: boolean;
  readonly sizeBytes: number;
  /** First address of the device's memory that belongs to it. */
  readonly base: number;
  /** At most 15 characters: `HBM[0]`. */
  readonly tag: string;
}

export interface ComputeUnit {
  /** `kernel:unit`, at most 63 characters. */
  readonly name: string;
  /** Where its registers begin. */
  readonly base: number;
}

/** Argument `argument` of compute unit `unit` (index in IP_LAYOUT) is wired to bank `bank` (index in MEM_TOPOLOGY). */
export interface Link {
  readonly argument: number;
  readonly unit: number;
  readonly bank: number;
}

const IP_KERNEL = 1;
/** The unit raises an interrupt; set by the tools for every kernel with `ap_ctrl`. */
const INTERRUPT_ENABLED = 1;

export function memTopology(banks: readonly Bank[]): Buffer {
  const bytes = Buffer.alloc(8 + 40 * banks.length);
  bytes.writeInt32LE(banks.length, 0);
  for (const [i, bank] of banks.entries()) {
    const at = 8 + 40 * i;
    bytes.writeUInt8(bank.type, at);
    bytes.writeUInt8(bank.used ? 1 : 0, at + 1);
    bytes.writeBigUInt64LE(BigInt(bank.sizeBytes / 1024), at + 8);
    bytes.writeBigUInt64LE(BigInt(bank.base), at + 16);
    bytes.write(bank.tag, at + 24, 15, "latin1");
  }
  return bytes;
}

export function ipLayout(units: readonly ComputeUnit[]): Buffer {
  const bytes = Buffer.alloc(8 + 80 * units.length);
  bytes.writeInt32LE(units.length, 0);
  for (const [i, { name, base }] of units.entries()) {
    const at = 8 + 80 * i;
    bytes.writeUInt32LE(IP_KERNEL, at);
    bytes.writeUInt32LE(INTERRUPT_ENABLED, at + 4);
    bytes.writeBigUInt64LE(BigInt(base), at + 8);
    bytes.write(name, at + 16, 63, "latin1");
  }
  return bytes;
}

export function connectivity(links: readonly Link[]): Buffer {
  const bytes = Buffer.alloc(4 + 12 * links.length);
  bytes.writeInt32LE(links.length, 0);
  for (const [i, { argument, unit, bank }] of links.entries()) {
    bytes.writeInt32LE(argument, 4 + 12 * i);
    bytes.writeInt32LE(unit, 8 + 12 * i);
    bytes.writeInt32LE(bank, 12 + 12 * i);
  }
  return bytes;
}
