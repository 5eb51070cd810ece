/** Rows in the memory of the board: words of 8 to 64 bits, padding between rows. */
import type { FixedPointType } from "../../../contract.ts";
import { bounds, fractionBits } from "./cast.ts";
import { Code, type Program } from "./code.ts";
import type { Finish } from "./dense.ts";
import { indexText, type Slot, type Stage } from "./stage.ts";
import { named } from "./value.ts";

export interface Storage {
  /** 8, 16, 32 or 64. */
  readonly storageBits: number;
  /** From one row to the next; a multiple of a word. */
  readonly rowBytes: number;
}

export type Words = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;
export interface WordsType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): Words;
}

/** What the generated code indexes: a word of 64 bits is two elements, low half first. */
export function wordsOf(type: FixedPointType, { storageBits }: Storage): WordsType {
  switch (storageBits) {
    case 8:
      return type.signed ? Int8Array : Uint8Array;
    case 16:
      return type.signed ? Int16Array : Uint16Array;
    case 32:
      return type.w === 32 && !type.signed ? Uint32Array : Int32Array;
    default:
      return Int32Array;
  }
}

/** From one row to the next in those elements. */
export function stride(type: FixedPointType, storage: Storage): number {
  return storage.rowBytes / wordsOf(type, storage).BYTES_PER_ELEMENT;
}

/** A tensor in memory, to be the source of a stage. */
export function memorySlot(name: string, elements: number, type: FixedPointType): Slot {
  return { name, elements, ...bounds(type), f: fractionBits(type) };
}

/** Copies rows from memory. What stands above an element's bits in its word is no wire of the board. */
export function loadStage(
  stage: Stage,
  type: FixedPointType,
  storage: Storage,
  finish: Finish,
): void {
  const { elements } = stage.sources[0] as Slot;
  stage.forEach(elements, (element) => {
    const text = load(indexText(element), type, storage.storageBits);
    finish(
      stage,
      stage.code.bind(named(text, bounds(type).lo, bounds(type).hi, fractionBits(type))),
      element,
    );
  });
}

function load(element: string, { w, signed }: FixedPointType, bits: number): string {
  const [shift, back] = [32 - (w % 32 || 32), signed ? ">>" : ">>>"];
  const low = bits === 64 ? `x0[p0 + 2 * (${element})]` : `x0[p0 + ${element}]`;
  if (w > 32) {
    const high = `(x0[p0 + 2 * (${element}) + 1] << ${shift} ${back} ${shift})`;
    return `(${high} * ${2 ** 32} + (${low} >>> 0))`;
  }
  return w === bits ? low : `(${low} << ${shift} ${back} ${shift})`;
}

/** A function that copies a block of rows of a tensor to memory; gives the call, `first` being the block's first row. */
export function storeCall(
  program: Program,
  source: Slot,
  memory: string,
  type: FixedPointType,
  storage: Storage,
): string {
  const code = new Code(program);
  const step = stride(type, storage);
  const { elements } = source;
  const head = `for (let row = 0, p = 0, q = first * ${step}; row < count; row++, p += ${elements}, q += ${step})`;
  code.block(head, () =>
    code.block(`for (let e = 0; e < ${elements}; e++)`, () => {
      if (storage.storageBits < 64) return code.line("memory[q + e] = x[p + e];");
      code.line("const v = x[p + e];");
      code.line(`memory[q + 2 * e] = v; memory[q + 2 * e + 1] = Math.floor(v * ${2 ** -32});`);
    }),
  );
  const name = program.define(["x", "memory", "first", "count"], code);
  return `${name}(${source.name}, ${memory}, first, count);`;
}
