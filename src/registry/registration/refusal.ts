/** What a reader threw, in the two parts that a check has: what is wrong, and what to do. */
import { StatusError } from "../../errors.ts";
import { failed, type Outcome } from "./check.ts";

const MAX_CHARACTERS = 1200;
const READERS_PREFIX = /^cannot serve the [\w ]+ file: /;

/**
 * Readers word it `cannot serve the <format> file: <reason>; <remedy>`.
 * @param path of the bytes, which is not how the person who reads this calls the file
 */
export function refused(
  thrown: unknown,
  { path, file }: { readonly path: string; readonly file: string },
  remedy: string,
): Outcome {
  const message = (thrown instanceof Error ? thrown.message : String(thrown))
    .replaceAll(path, file)
    .replace(READERS_PREFIX, "")
    .slice(0, MAX_CHARACTERS);
  const at = message.lastIndexOf("; ");
  if (at < 0 || thrown instanceof StatusError) return failed(message, remedy);
  return failed(message.slice(0, at), message.slice(at + 2));
}
