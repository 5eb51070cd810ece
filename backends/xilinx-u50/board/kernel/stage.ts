/** One function of the program: a loop over rows from some tensors to another one. */
import { Code, type Program } from "./code.ts";
import { constant, named, type Value } from "./value.ts";

/** A tensor of a block of rows in scratch memory, and what its elements may be. */
export interface Slot {
  readonly name: string;
  readonly elements: number;
  readonly lo: number;
  readonly hi: number;
  readonly f: number;
}

/** The place of an element in its row: `offset`, or that behind a variable that is a multiple of something. */
export interface Element {
  readonly base?: { readonly code: string; readonly multipleOf: number };
  readonly offset: number;
}

export const at = (offset: number): Element => ({ offset });

export function indexText({ base, offset }: Element): string {
  if (base === undefined) return `${offset}`;
  return offset === 0 ? base.code : `${base.code} + ${offset}`;
}

export class Stage {
  readonly code: Code;
  readonly sources: readonly Slot[];
  readonly target: string;
  readonly elements: number;
  #lo = 0;
  #hi = 0;
  #f = 0;

  /** @param target where another stage has begun to write the same tensor */
  constructor(program: Program, sources: readonly Slot[], elements: number, target?: string) {
    this.code = new Code(program);
    this.sources = sources;
    this.elements = elements;
    this.target = target ?? program.unique("tensor");
  }

  /** What is written, for the stages behind. */
  get slot(): Slot {
    const { target, elements } = this;
    return { name: target, elements, lo: this.#lo, hi: this.#hi, f: this.#f };
  }

  read(element: Element, source = 0): Value {
    const { lo, hi, f } = this.sources[source] as Slot;
    return named(`x${source}[p${source} + ${indexText(element)}]`, lo, hi, f);
  }

  write(element: Element, value: Value): void {
    this.code.line(`y[q + ${indexText(element)}] = ${value.code};`);
    this.#lo = Math.min(this.#lo, value.lo);
    this.#hi = Math.max(this.#hi, value.hi);
    this.#f = value.f;
  }

  /** An entry of a list that repeats along the row: a number where the place is known well enough. */
  entry(list: readonly number[], f: number, element: Element): Value {
    const { base, offset } = element;
    const { length } = list;
    if (base === undefined || base.multipleOf % length === 0) {
      return constant(list[offset % length] as number, f);
    }
    const { name, lo, hi } = this.code.program.table(list);
    const index = indexText(element);
    const text = this.elements > length ? `(${index}) % ${length}` : index;
    return named(`${name}[${text}]`, lo, hi, f);
  }

  /** `body` for every element: written out for a short row, a loop for a long one. */
  forEach(elements: number, body: (element: Element) => void): void {
    if (elements <= WRITTEN_OUT) {
      for (let offset = 0; offset < elements; offset++) body(at(offset));
      return;
    }
    const e = this.code.program.unique("e");
    this.code.block(`for (let ${e} = 0; ${e} < ${elements}; ${e}++)`, () =>
      body({ base: { code: e, multipleOf: 1 }, offset: 0 }),
    );
  }

  /**
   * Ends the function; gives the call of it for a block of `count` rows. With
   * `rowStep` its one source is memory, read from row `first` on in steps of so many elements.
   */
  call(rowStep?: number): string {
    const { program } = this.code;
    const start = rowStep === undefined ? "0" : `first * ${rowStep}`;
    const starts = this.sources.map((_, k) => `, p${k} = ${start}`).join("");
    const step = this.sources
      .map(({ elements }, k) => `, p${k} += ${rowStep ?? elements}`)
      .join("");
    const loop = new Code(program);
    const head = `for (let row = 0, q = 0${starts}; row < count; row++, q += ${this.elements}${step})`;
    loop.block(head, () => loop.line(this.code.text));
    const names = this.sources.map((_, k) => `x${k}`);
    const name = program.define([...names, "y", "first", "count"], loop);
    const given = this.sources.map((source) => source.name);
    return `${name}(${[...given, this.target, "first", "count"].join(", ")});`;
  }
}

const WRITTEN_OUT = 256;
