/**
 * Patterns that choose the headers to forward. As in RE2, which Triton uses,
 * look-around and back-references are refused; and so is a repeated group that
 * itself repeats or offers a choice, the shape of a pattern that takes for ever.
 */

const LONGEST = 512;
const NOT_IN_RE2 = /\(\?(?:[=!]|<[=!])|\\[1-9]|\\k</;

/** Why `pattern` can not be used; undefined: it can. Empty means: forward nothing. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > LONGEST) return `longer than ${LONGEST} characters`;
  if (NOT_IN_RE2.test(pattern)) return "look-around and back-references are not supported";
  try {
    new RegExp(pattern, "i");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (repeatsRepetition(pattern)) {
    return "a repeated group may not contain a repetition or a choice, as in (a+)+ or (a|b)*";
  }
  return undefined;
}

const REPEATS = /[*+?{]/;

function repeatsRepetition(pattern: string): boolean {
  // For each open group: whether something in it can match in several ways.
  const open: boolean[] = [];
  const plain = pattern
    .replace(/\\./g, "x")
    .replace(/\[[^\]]*\]/g, "x")
    .replaceAll("(?:", "(");
  for (let i = 0; i < plain.length; i++) {
    const character = plain[i] ?? "";
    if (character === "(") open.push(false);
    else if (character === ")") {
      const ambiguous = open.pop() ?? false;
      if (ambiguous && REPEATS.test(plain[i + 1] ?? "") && plain[i + 1] !== "?") return true;
      if (ambiguous && open.length > 0) open[open.length - 1] = true;
    } else if (open.length > 0 && (character === "|" || REPEATS.test(character))) {
      open[open.length - 1] = true;
    }
  }
  return false;
}
