/** Which kernels an OpenCL C source defines, read without a compiler, in time linear in its length. */

export interface KernelSignature {
  readonly name: string;
  /** Of each argument, its words: `__global const short * in`. */
  readonly parameters: readonly string[];
}

const SKIPPED =
  /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?/g;
const DIRECTIVES = /^[ \t]*#[^\n]*/gm;
const KERNEL = /\b(?:__)?kernel\b/g;
const NAME = /^[A-Za-z_]\w*$/;

/**
 * Sees what is spelled out: a kernel that a macro makes is not found.
 * @returns the kernels in the source's order
 */
export function kernelsOf(source: string): readonly KernelSignature[] {
  const whole = source.replaceAll(/\\\r?\n/g, "").replaceAll(SKIPPED, " ");
  const text = whole.replaceAll(DIRECTIVES, "");
  const found: KernelSignature[] = [];
  let read = 0;
  for (const { index } of text.matchAll(KERNEL)) {
    // What belongs to the kernel before is not looked at twice.
    if (index < read) continue;
    const words = new Words(text, index);
    words.next();
    const kernel = readSignature(words);
    if (kernel !== undefined) found.push(kernel);
    read = words.at;
  }
  return found;
}

/** Names and single characters of a text, one after the other. */
class Words {
  readonly #text: string;
  readonly #pattern = /\s*(\w+|[^\s\w])/y;

  constructor(text: string, from: number) {
    this.#text = text;
    this.#pattern.lastIndex = from;
  }

  get at(): number {
    return this.#pattern.lastIndex;
  }

  /** Undefined at the end. */
  next(): string | undefined {
    const before = this.at;
    const word = this.#pattern.exec(this.#text)?.[1];
    if (word === undefined) this.#pattern.lastIndex = Math.max(before, this.#text.length);
    return word;
  }
}

/** Behind the word `kernel`: attributes, `void`, the name, the parameters in brackets. */
function readSignature(words: Words): KernelSignature | undefined {
  let name = "";
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "(") {
      const parameters = readParameters(words);
      if (name !== "__attribute__") return NAME.test(name) ? { name, parameters } : undefined;
    } else if (!NAME.test(word)) {
      return undefined;
    }
    name = word;
  }
  return undefined;
}

/** From behind the opening bracket to behind the one that closes it. */
function readParameters(words: Words): readonly string[] {
  const parameters: string[][] = [[]];
  let depth = 1;
  for (let word = words.next(); word !== undefined; word = words.next()) {
    if (word === "(") depth++;
    else if (word === ")" && --depth === 0) break;
    if (word === "," && depth === 1) parameters.push([]);
    else parameters.at(-1)?.push(word);
  }
  const texts = parameters.map((parameter) => parameter.join(" "));
  return texts.length === 1 && (texts[0] === "" || texts[0] === "void") ? [] : texts;
}
