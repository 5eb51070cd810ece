/**
 * config.pbtxt: protobuf's text format of ModelConfig, as Google's C++ parser
 * takes it. protobufjs does the parsing; this file adds the place of an error
 * and the plain form of the result.
 */
import { readFile, stat } from "node:fs/promises";
import textformat from "protobufjs/ext/textformat.js";
import { StatusError } from "../errors.ts";
import { toPlainObject } from "./config-object.ts";
import { modelConfigType } from "./model-config-proto.ts";
import type { ModelConfigObject } from "./types.ts";

// The package is CommonJS: Node gives an ES module its exports as one object.
const { fromText, toText } = textformat;

/** Real files have some kB (at most 4 of 260 looked at); the parser takes 0.1 s for this much. */
export const MAX_CONFIG_BYTES = 256 * 1024;

/** @throws StatusError INVALID_ARGUMENT with file and reason */
export async function readConfigFile(path: string): Promise<ModelConfigObject> {
  return parseConfig(await readBounded(path), path);
}

/**
 * @param file name to show in errors
 * @throws StatusError INVALID_ARGUMENT with file, line and reason
 */
export function parseConfig(text: string, file: string): ModelConfigObject {
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES) throw tooLarge(file);
  try {
    return toPlainObject(modelConfigType, fromText(modelConfigType, text.replace(/^\uFEFF/, "")));
  } catch (thrown) {
    const { line, reason } = placeOf(thrown, text);
    throw new StatusError(
      "INVALID_ARGUMENT",
      `failed to read text proto from ${file}:${line}: ${reason}`,
      { cause: thrown },
    );
  }
}

/** The configuration as a config.pbtxt would say it. */
export function formatConfig(config: ModelConfigObject): string {
  return `${toText(modelConfigType, modelConfigType.fromObject(config))}\n`;
}

async function readBounded(path: string): Promise<string> {
  try {
    // Before it is opened: to open a pipe would wait for a writer.
    const facts = await stat(path);
    if (!facts.isFile()) throw new Error("it is not a file");
    if (facts.size > MAX_CONFIG_BYTES) throw tooLarge(path);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof StatusError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StatusError(
      "INVALID_ARGUMENT",
      `failed to open text file for read ${path}: ${reason}`,
      { cause },
    );
  }
}

function tooLarge(file: string): StatusError {
  return new StatusError(
    "INVALID_ARGUMENT",
    `${file} is larger than ${MAX_CONFIG_BYTES} bytes: is it a config.pbtxt?`,
  );
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/unknown field/, "check the spelling and the block it stands in"],
  [/multiple values/, "a field that is not repeated, or a choice, can be given once only"],
  [/enum value expected/, "not one of the words of this field"],
  [/max depth exceeded/, "blocks are nested too deeply"],
  [/expected ':'/, "a field and its value are separated by ':'"],
  [/list value specified for singular/, "this field takes one value: leave out the brackets"],
  [/expected '[}>]'/, "a block is not closed"],
  [
    /unterminated string|illegal string/,
    "a text must end on its line with the quote it began with",
  ],
];

function placeOf(thrown: unknown, text: string): { line: number; reason: string } {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const told = /^(.*) \(line (\d+)\)$/s.exec(message);
  const plain = (told?.[1] ?? message).replace(/(^|\s)\.inference\./g, "$1");
  const line = told?.[2] === undefined ? firstLineThatFails(text, message) : Number(told[2]);
  const remedy = REMEDIES.find(([pattern]) => pattern.test(plain))?.[1];
  return { line, reason: remedy === undefined ? plain : `${plain} (${remedy})` };
}

/**
 * protobufjs names no line where a value is of the wrong kind or given twice.
 * The parser reads forwards only, so the line is the shortest beginning of the
 * text that fails in the same way.
 */
function firstLineThatFails(text: string, message: string): number {
  const lines = text.split("\n");
  let low = 1;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failsWith(lines.slice(0, middle).join("\n"), message)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function failsWith(text: string, message: string): boolean {
  try {
    fromText(modelConfigType, text);
    return false;
  } catch (thrown) {
    return thrown instanceof Error && thrown.message === message;
  }
}
