/** As much XML as the metadata of vendors' tools needs: start tags and their attributes, in order. */

export interface StartTag {
  readonly name: string;
  /** What stands between the name and the end of the tag. */
  readonly text: string;
}

/**
 * The start tags of a document, in order. Values of attributes may hold `>`.
 * @throws Error where a tag, a comment or a declaration does not end.
 */
export function* elements(document: string): Generator<StartTag> {
  let at = document.indexOf("<");
  while (at !== -1) {
    const end = endOfTag(document, at);
    const inside = document.slice(at + 1, end);
    const name = /^[A-Za-z_][\w:.-]*/.exec(inside)?.[0];
    if (name !== undefined) yield { name, text: inside.slice(name.length) };
    at = document.indexOf("<", end);
  }
}

/** Of the `>` that ends the tag, comment or declaration that begins at `at`. */
function endOfTag(document: string, at: number): number {
  const closing = document.startsWith("<!--", at)
    ? "-->"
    : document.startsWith("<![CDATA[", at)
      ? "]]>"
      : document.startsWith("<?", at)
        ? "?>"
        : undefined;
  if (closing !== undefined) {
    const end = document.indexOf(closing, at);
    if (end === -1) throw new Error(`nothing ends what begins at character ${at}`);
    return end + closing.length - 1;
  }
  let quote = "";
  for (let i = at + 1; i < document.length; i++) {
    const char = document[i] ?? "";
    if (quote !== "") {
      if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === ">") return i;
  }
  throw new Error(`the tag at character ${at} has no end`);
}

const ATTRIBUTE = /([A-Za-z_][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;
const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

export function attributes(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", double, single] of text.matchAll(ATTRIBUTE)) {
    found.set(name, decoded(double ?? single ?? ""));
  }
  return found;
}

const decoded = (text: string) =>
  text.replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, entity: string) => ENTITIES[entity] ?? "");
