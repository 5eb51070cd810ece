/** The OpenCL C of one network while it is written: its tables, its functions, the statements of its kernel. */
import type { NetworkTensor } from "../../common/fixed-point/network.ts";
import { type Kind, kindOf, type Range, rangeAmong, wholeRange } from "./exact.ts";

/** Numbers of the network that the kernel reads while it runs. */
export interface Table {
  readonly name: string;
  readonly range: Range;
  readonly kind: Kind;
  /** Type of its entries in memory. */
  readonly stored: string;
}

/** A row in the work-item's memory: `name[element]` has the rows of a block as its lanes. */
export interface Row {
  readonly name: string;
  readonly kind: Kind;
  readonly range: Range;
  readonly fraction: number;
  readonly elements: number;
  readonly type: NetworkTensor["type"];
}

export class Program {
  /** Rows that are computed side by side, one in each lane of a vector. */
  readonly lanes: number;
  readonly #tables = new Map<string, Table>();
  readonly #functions = new Map<string, string>();
  readonly #head: string[] = [];
  readonly #lines: string[] = [];
  #depth = 1;
  #names = 0;
  #privateBytes = 0;

  constructor(lanes: number) {
    this.lanes = lanes;
  }

  vector(kind: string): string {
    return `${kind}${this.lanes}`;
  }

  /** Of the work-item's memory, all rows together. */
  get privateBytes(): number {
    return this.#privateBytes;
  }

  fresh(letter: string): string {
    return `${letter}${this.#names++}`;
  }

  line(text: string): void {
    if (text.startsWith("}")) this.#depth--;
    this.#lines.push("  ".repeat(this.#depth) + text);
    if (text.endsWith("{")) this.#depth++;
  }

  /** A loop over `count` numbers from 0; `body` gets the counter's name, or a literal where there is one number only. */
  loop(count: number, body: (counter: string) => void, step = 1): void {
    if (count <= step) {
      this.line("{");
      body("0");
    } else {
      const counter = this.fresh("i");
      this.line(`for (int ${counter} = 0; ${counter} < ${count}; ${counter} += ${step}) {`);
      body(counter);
    }
    this.line("}");
  }

  table(values: readonly bigint[]): Table {
    const key = values.join();
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const range = rangeAmong(values);
    const stored = storedAs(range);
    const name = this.fresh("k");
    const table = { name, range, kind: kindOf(range), stored };
    const kind = stored === "long" ? "long" : "int";
    const entries = values.map((value) => literal(value, kind)).join(",");
    this.#head.push(`__constant ${stored} ${name}[${values.length}] = {${entries}};`);
    this.#tables.set(key, table);
    return table;
  }

  /** The name of a function with this result, parameters and body; the same for the same. */
  function(result: string, parameters: string, body: readonly string[]): string {
    const text = `(${parameters}) {\n${body.map((line) => `  ${line}\n`).join("")}}`;
    const key = result + text;
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const name = this.fresh("f");
    this.#head.push(`static inline ${result} ${name}${text}`);
    this.#functions.set(key, name);
    return name;
  }

  /** Declares the memory of a row. */
  row(elements: number, range: Range, fraction: number, type: Row["type"]): Row {
    const kind = kindOf(range);
    const name = this.fresh("t");
    this.line(`${this.vector(kind)} ${name}[${elements}];`);
    this.#privateBytes += elements * this.lanes * (kind === "int" ? 4 : 8);
    return { name, kind, range, fraction, elements, type };
  }

  /** @param parameters of the kernel, in order */
  source(kernel: string, parameters: readonly string[]): string {
    return [
      ...this.#head,
      "__kernel __attribute__((reqd_work_group_size(1, 1, 1)))",
      `void ${kernel}(${parameters.join(", ")}) {`,
      ...this.#lines,
      "}",
      "",
    ].join("\n");
  }
}

function storedAs(range: Range): string {
  for (const [name, bits] of [
    ["char", 8],
    ["short", 16],
  ] as const) {
    const half = 1n << BigInt(bits - 1);
    if (range.lo >= -half && range.hi < half) return name;
  }
  return kindOf(range);
}

/** A number as C reads it; the least of a kind has no literal of its own. */
export function literal(value: bigint, kind: Kind): string {
  const suffix = kind === "long" ? "L" : "";
  if (value === wholeRange(kind).lo) return `(${value + 1n}${suffix} - 1)`;
  return value < 0n ? `(${value}${suffix})` : `${value}${suffix}`;
}
