/** What of a guide is run: its fenced blocks, by the words behind the language. */

export interface GuideBlock {
  /** Of the opening fence, from 1. */
  readonly line: number;
  readonly language: string;
  /** `run`: executed. `file`: written under `name`. `output`: what the block before it prints. */
  readonly kind: "run" | "file" | "output";
  readonly name?: string;
  readonly text: string;
}

const FENCE = /^```(.*)$/;
const RUN_LANGUAGES = ["sh", "python"];

/** @throws Error naming the line of a block that nobody would run or look at: a guide has none */
export function guideBlocks(markdown: string): GuideBlock[] {
  const blocks: GuideBlock[] = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const info = FENCE.exec(lines[at] ?? "")?.[1];
    if (info === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: this block has no end`);
    blocks.push(blockOf(info, at + 1, lines.slice(at + 1, end).join("\n")));
    at = end;
  }
  return blocks;
}

function blockOf(info: string, line: number, text: string): GuideBlock {
  const [language = "", word = ""] = info.trim().split(/\s+/);
  const name = /^file=([\w.-]+(?:\/[\w.-]+)*)$/.exec(word)?.[1];
  if (word === "run" && RUN_LANGUAGES.includes(language))
    return { line, language, kind: "run", text };
  if (name !== undefined) return { line, language, kind: "file", name, text };
  if (info.trim() === "text output") return { line, language, kind: "output", text };
  throw new Error(
    `line ${line}: \`${info}\`: a block is run (sh run, python run), written (LANGUAGE file=NAME), or looked at (text output)`,
  );
}

/**
 * Whether `printed` is the lines of `expected`. `…` in a line stands for any characters, alone in a line for any lines.
 * @returns the first line that is missing, or the first that is too much
 */
export function missingLine(expected: string, printed: string): string | undefined {
  const said = printed
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
  let from = 0;
  let gap = false; // others may stand before the next one
  for (const line of expected.split("\n").map((each) => each.trimEnd())) {
    if (line === "…") {
      gap = true;
      continue;
    }
    const pattern = new RegExp(`^${line.split("…").map(literally).join(".*")}$`);
    const found = said.findIndex((each, at) => at >= from && pattern.test(each));
    if (found < 0 || (!gap && found !== from)) return line;
    from = found + 1;
    gap = false;
  }
  return gap ? undefined : said[from];
}

/** Columns are as wide as their longest cell: one space and more are alike. */
function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/ +/g, " +");
}
