/** Which kernels an OpenCL C source defines, read without a compiler. */

export interface KernelSignature {
  readonly name: string;
  /** Of each argument, as written: `__global const short *in`. */
  readonly parameters: readonly string[];
}

/**
 * Sees what is spelled out: a kernel that a macro makes is not found.
 * @returns the kernels in the source's order
 */
export function kernelsOf(source: string): readonly KernelSignature[] {
  const tokens = tokenize(withoutComments(source));
  const found: KernelSignature[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at] !== "kernel" && tokens[at] !== "__kernel") continue;
    const kernel = readSignature(tokens, at + 1);
    if (kernel !== undefined) found.push(kernel);
  }
  return found;
}

/** From behind the word `kernel`: attributes, `void`, the name, the parameters in brackets. */
function readSignature(tokens: readonly string[], from: number): KernelSignature | undefined {
  let at = from;
  while (at + 1 < tokens.length) {
    const token = tokens[at] ?? "";
    if (token === "__attribute__") {
      at = endOfBrackets(tokens, at + 1);
    } else if (tokens[at + 1] === "(") {
      const end = endOfBrackets(tokens, at + 1);
      return { name: token, parameters: parametersOf(tokens.slice(at + 2, end - 1)) };
    } else if (/^\w/.test(token)) {
      at++;
    } else {
      return undefined;
    }
  }
  return undefined;
}

/** @returns the position behind the bracket that closes the one at `from`, or the end */
function endOfBrackets(tokens: readonly string[], from: number): number {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    if (tokens[at] === "(") depth++;
    else if (tokens[at] === ")" && --depth === 0) return at + 1;
  }
  return tokens.length;
}

function parametersOf(tokens: readonly string[]): readonly string[] {
  const parameters: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === "(") depth++;
    else if (token === ")") depth--;
    if (token === "," && depth === 0) parameters.push([]);
    else parameters.at(-1)?.push(token);
  }
  const texts = parameters.map((parameter) => parameter.join(" "));
  return texts.length === 1 && (texts[0] === "" || texts[0] === "void") ? [] : texts;
}

function tokenize(source: string): readonly string[] {
  const lines = source.split("\n").filter((line) => !line.trimStart().startsWith("#"));
  return lines.join("\n").match(/\w+|[^\s\w]/g) ?? [];
}

/** Comments and texts become a space, continued lines one line. */
function withoutComments(source: string): string {
  const text = source.replaceAll(/\\\r?\n/g, "");
  let kept = "";
  let at = 0;
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const character = two[0] as string;
    if (two === "//") at = endOf(text, "\n", at + 2, 0);
    else if (two === "/*") at = endOf(text, "*/", at + 2, 2);
    else if (character === '"' || character === "'") at = endOfQuotes(text, at);
    else {
      kept += character;
      at++;
      continue;
    }
    kept += " ";
  }
  return kept;
}

function endOf(text: string, closing: string, from: number, beyond: number): number {
  const found = text.indexOf(closing, from);
  return found === -1 ? text.length : found + beyond;
}

function endOfQuotes(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === text[from] || text[at] === "\n") return at + 1;
  }
  return text.length;
}
