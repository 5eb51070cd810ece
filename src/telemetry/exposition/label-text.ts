/** Labels as both formats write them. Names of models and tenants come from people: nothing of theirs ends a line. */

export type Labels = Readonly<Record<string, string>>;

/** Labels that are asked for again and again are the same object, and are written once. */
const known = new WeakMap<Labels, string>();

/** `a="b",c="d"`; empty where there are none. */
export function labelText(labels: Labels): string {
  let text = known.get(labels);
  if (text === undefined) {
    text = inOnePiece(written(labels));
    known.set(labels, text);
  }
  return text;
}

/** V8 keeps a sum of strings as a tree, and would walk it whenever the text is used. */
export const inOnePiece = (text: string): string => Buffer.from(text).toString();

function written(labels: Labels): string {
  let text = "";
  for (const name in labels) {
    text += `${text === "" ? "" : ","}${name}="${escaped(labels[name] ?? "")}"`;
  }
  return text;
}

/** Without what the formats escape, and what a terminal or a scanner would take for more than a letter. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const PLAIN = /^[^\\"\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

export function escaped(value: string): string {
  if (PLAIN.test(value)) return value;
  return value
    .replace(CONTROL, "\ufffd")
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}

export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
