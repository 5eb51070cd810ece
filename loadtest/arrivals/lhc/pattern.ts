/**
 * Bunch patterns as the machine's papers write them: `72b` is 72 bunches, `8e` 8
 * empty slots, `+` and blanks join, `(...)x3`, `[...]x3` and `{...}x3` repeat.
 */
import { StatusError } from "../../../src/errors.ts";
import { SLOTS } from "./clock.ts";

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** @returns one entry a slot, 1 for a bunch. @throws StatusError that quotes what it could not read */
export function parsePattern(text: string): number[] {
  const tokens = text.match(/\d+[be]|x\d+|[()[\]{}+]|[^\s]/g) ?? [];
  let at = 0;
  const fail = (expected: string): never => {
    const seen = tokens[at] === undefined ? "its end" : `'${tokens[at]}'`;
    throw new StatusError(
      "INVALID_ARGUMENT",
      `bunch pattern '${text}': expected ${expected}, found ${seen}`,
    );
  };
  const sequence = (closing: string | undefined): number[] => {
    const slots: number[] = [];
    while (tokens[at] !== undefined && tokens[at] !== closing) {
      if (tokens[at] === "+") {
        at += 1;
        continue;
      }
      const part = item();
      const [, times = "1"] = /^x(\d+)$/.exec(tokens[at] ?? "") ?? [];
      if (tokens[at]?.startsWith("x") === true) at += 1;
      if (slots.length + part.length * Number(times) > SLOTS) {
        throw new StatusError(
          "INVALID_ARGUMENT",
          `bunch pattern '${text}': more than the ${SLOTS} slots of an orbit`,
        );
      }
      for (let i = 0; i < Number(times); i++) slots.push(...part);
    }
    return slots;
  };
  const item = (): number[] => {
    const token = tokens[at] ?? "";
    const closing = CLOSING[token];
    if (closing !== undefined) {
      at += 1;
      const inner = sequence(closing);
      if (tokens[at] !== closing) fail(`'${closing}'`);
      at += 1;
      return inner;
    }
    const [, number = "", kind] = /^(\d+)([be])$/.exec(token) ?? [];
    if (kind === undefined) fail("a group such as 72b, 8e or (72b+8e)x3");
    if (Number(number) > SLOTS) fail(`at most ${SLOTS} slots`);
    at += 1;
    return Array<number>(Number(number)).fill(kind === "b" ? 1 : 0);
  };
  const slots = sequence(undefined);
  return slots;
}

/** The whole orbit: what is not said at the end is empty. */
export function orbitOf(text: string): Uint8Array {
  const orbit = new Uint8Array(SLOTS);
  orbit.set(parsePattern(text));
  return orbit;
}
