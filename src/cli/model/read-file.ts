/** Files that are named on the command line; what is wrong with one is a sentence with its path. */
import { readFile, stat } from "node:fs/promises";
import { CliError, Exit } from "../io.ts";

const MOST_BYTES = 16 * 1024 * 1024;

/** @param what it should be, for the error */
export async function readSmallFile(path: string, what: string): Promise<string> {
  const facts = await regularFile(path, what);
  if (facts.size <= MOST_BYTES) return readFile(path, "utf8");
  throw new CliError(
    Exit.usage,
    `${what}: '${path}' has ${facts.size} bytes, at most ${MOST_BYTES}`,
  );
}

export async function readJsonFile(path: string, what: string): Promise<unknown> {
  const text = await readSmallFile(path, what);
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(Exit.usage, `${what}: '${path}' is no JSON: ${reason}`, { cause });
  }
}

/** @throws CliError for what is missing, a folder, or not readable */
export async function regularFile(path: string, what: string): Promise<{ readonly size: number }> {
  let facts: Awaited<ReturnType<typeof stat>>;
  try {
    facts = await stat(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? `there is no file '${path}'` : message;
    throw new CliError(Exit.usage, `${what}: ${reason}`, { cause });
  }
  if (facts.isFile()) return facts;
  throw new CliError(Exit.usage, `${what}: '${path}' is no file`);
}
