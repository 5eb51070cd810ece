/** Rows between the board's memory and a block of them in the work-item's. */
import type { NetworkTensor } from "../../common/fixed-point/network.ts";
import { fractionBitsOf, storageBitsOf } from "../../common/fixed-point/type.ts";
import { BackendError } from "../../contract.ts";
import { cast } from "./cast.ts";
import { targetOf } from "./exact.ts";
import type { Program, Row } from "./program.ts";
import { as, element, type Value } from "./value.ts";

/** How the rows of a tensor lie in the board's memory, as in a manifest. */
export interface Storage {
  /** Bits of one element. Default: the least that holds it. */
  readonly storageBits?: number;
  /** From one row to the next. Default: no padding. */
  readonly rowBytes?: number;
}

export interface Port {
  readonly tensor: NetworkTensor;
  /** Name of the kernel's argument. */
  readonly name: string;
  readonly words: "char" | "short" | "int" | "long";
  /** From one row to the next. */
  readonly rowWords: number;
}

/** @throws BackendError `artifact` for a storage that cannot be */
export function portOf(tensor: NetworkTensor, name: string, storage: Storage = {}): Port {
  const least = storageBitsOf(tensor.type);
  const { storageBits = least, rowBytes = (tensor.elements * storageBits) / 8 } = storage;
  const words = ({ 8: "char", 16: "short", 32: "int", 64: "long" } as const)[storageBits];
  const bad = (what: string) => new BackendError("artifact", `tensor ${tensor.name}: ${what}`);
  if (words === undefined || storageBits < least) {
    throw bad(`storageBits is ${storageBits}, and has to be 8, 16, 32 or 64 and at least ${least}`);
  }
  const rowWords = (rowBytes * 8) / storageBits;
  if (!Number.isInteger(rowWords) || rowWords < tensor.elements) {
    const unit = storageBits / 8;
    throw bad(
      `rowBytes is ${rowBytes}, and has to be a multiple of ${unit} and at least ${tensor.elements * unit}`,
    );
  }
  return { tensor, name, words, rowWords };
}

/** The arguments of the kernel. */
export function parametersOf(inputs: readonly Port[], outputs: readonly Port[]): string[] {
  return [
    ...inputs.map(({ words, name }) => `__global const ${words} *restrict ${name}`),
    ...outputs.map(({ words, name }) => `__global ${words} *restrict ${name}`),
    "const uint rows",
  ];
}

/**
 * A block of rows from `row` on, of which `count` are there. Lanes without a row get the last one.
 * Of a word that is wider than the element the low bits count.
 */
export function load(program: Program, { tensor, name, words, rowWords }: Port): Row {
  const { type, elements } = tensor;
  const target = targetOf({ ...type, o: "WRAP" });
  const fraction = fractionBitsOf(type);
  const row = program.row(elements, target, fraction, type);
  const kind = words === "long" ? "long" : "int";
  const half = 1n << BigInt({ char: 7, short: 15, int: 31, long: 63 }[words]);
  const { lanes } = program;
  program.loop(elements, (e) => {
    program.line(`${kind} lane[${lanes}];`);
    const place = `(ulong)(row + min(l, count - 1)) * ${rowWords} + ${e}`;
    program.line(`for (uint l = 0; l < ${lanes}; l++) lane[l] = ${name}[${place}];`);
    const range = { lo: -half, hi: half - 1n };
    const word: Value = { text: `vload${lanes}(0, lane)`, kind, range, fraction };
    const value = cast(program, word, { ...type, o: "WRAP" });
    program.line(`${row.name}[${e}] = ${as(program, value, row.kind)};`);
  });
  return row;
}

export function store(program: Program, { tensor, name, words, rowWords }: Port, row: Row): void {
  const { lanes } = program;
  program.loop(tensor.elements, (e) => {
    program.line(`${row.kind} lane[${lanes}];`);
    program.line(`vstore${lanes}(${element(row, e).text}, 0, lane);`);
    const place = `(ulong)(row + l) * ${rowWords} + ${e}`;
    program.line(`for (uint l = 0; l < count; l++) ${name}[${place}] = (${words})lane[l];`);
  });
}
