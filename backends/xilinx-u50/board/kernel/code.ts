/** Statements of one generated function, and the tables it reads. */
import { constant, named, type Value } from "./value.ts";

export interface Table {
  readonly name: string;
  /** Bounds of its entries. */
  readonly lo: number;
  readonly hi: number;
}

/** What all functions of a program share. */
export class Program {
  readonly #functions: string[] = [];
  readonly #tables = new Map<string, Int32Array | Float64Array>();
  readonly #known = new Map<readonly number[], Table>();
  #names = 0;

  unique(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** Adds a function; gives its name. */
  define(parameters: readonly string[], code: Code): string {
    const name = this.unique("stage");
    this.#functions.push(`function ${name}(${parameters.join(", ")}) {\n${code.text}\n}`);
    return name;
  }

  /** Adds a table of integers, the same list only once. */
  table(integers: readonly number[]): Table {
    const known = this.#known.get(integers);
    if (known !== undefined) return known;
    let [lo, hi] = [Infinity, -Infinity];
    for (const entry of integers) {
      lo = Math.min(lo, entry);
      hi = Math.max(hi, entry);
    }
    const fits = lo >= -(2 ** 31) && hi < 2 ** 31;
    const name = this.unique("table");
    this.#tables.set(name, fits ? Int32Array.from(integers) : Float64Array.from(integers));
    const table = { name, lo, hi };
    this.#known.set(integers, table);
    return table;
  }

  /** Runs `source`, which sees all functions and tables, and gives what it returns. */
  build<T>(source: string): T {
    const text = ['"use strict";', ...this.#functions, source].join("\n");
    return new Function(...this.#tables.keys(), text)(...this.#tables.values()) as T;
  }
}

export class Code {
  readonly program: Program;
  readonly #lines: string[] = [];

  constructor(program: Program) {
    this.program = program;
  }

  get text(): string {
    return this.#lines.join("\n");
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** The statements of `body` inside a block. */
  block(head: string, body: () => void): void {
    this.#lines.push(`${head} {`);
    body();
    this.#lines.push("}");
  }

  /** The value under a name, so that it is computed once. */
  bind(value: Value): Value {
    if (/^(\w+|\(-\d+\))$/.test(value.code)) return value;
    const name = this.program.unique("v");
    this.#lines.push(`const ${name} = ${value.code};`);
    return named(name, value.lo, value.hi, value.f);
  }
}

/** What `build` makes of each of the integers, computed now by the very code that would be generated. */
export function precomputed(
  integers: readonly number[],
  f: number,
  build: (code: Code, value: Value) => Value,
): readonly number[] {
  if (integers.length === 0) return [];
  const code = new Code(new Program());
  const [lo, hi] = integers.reduce(
    ([least, most], n) => [Math.min(least, n), Math.max(most, n)],
    [Infinity, -Infinity],
  );
  const result = build(code, named("x", lo, hi, f));
  const compute = new Function("x", `"use strict"; ${code.text}\nreturn ${result.code} + 0;`);
  return integers.map((integer) => compute(integer) as number);
}

/** One integer, as `precomputed`. */
export function precomputedConstant(
  integer: number,
  f: number,
  build: (code: Code, value: Value) => Value,
): Value {
  const code = new Code(new Program());
  const result = build(code, named("x", integer, integer, f));
  const compute = new Function("x", `"use strict"; ${code.text}\nreturn ${result.code} + 0;`);
  return constant(compute(integer) as number, result.f);
}
