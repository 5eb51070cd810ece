/**
 * The bearer token of whoever calls, found as WLCG's "Bearer Token Discovery" says (v1.0, 2020):
 * BEARER_TOKEN, the file BEARER_TOKEN_FILE, `$XDG_RUNTIME_DIR/bt_u<uid>`, `/tmp/bt_u<uid>`.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { CliError, Exit } from "./io.ts";

const MOST_BYTES = 64 * 1024;
/** RFC 6750; nothing else may stand in the header. */
const TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

export interface FoundToken {
  readonly token: string;
  /** Where it was found, for messages. */
  readonly from: string;
}

/**
 * @param uid of this user; undefined: a system without
 * @param tmp folder that everybody may write to
 * @throws CliError for a place that is named and holds no token; never with the token's text
 */
export async function discoverToken(
  env: NodeJS.ProcessEnv,
  uid: number | undefined = process.getuid?.(),
  tmp = "/tmp",
): Promise<FoundToken | undefined> {
  const { BEARER_TOKEN: direct = "", BEARER_TOKEN_FILE: named = "", XDG_RUNTIME_DIR: run } = env;
  if (direct.trim() !== "") return checked(direct, "BEARER_TOKEN");
  if (named !== "") {
    const read = await readToken(named, undefined);
    if (read !== undefined) return checked(read, named);
    throw new CliError(Exit.usage, `BEARER_TOKEN_FILE: there is no file '${named}'`);
  }
  if (uid === undefined) return undefined;
  for (const folder of run === undefined || run === "" ? [tmp] : [run, tmp]) {
    const path = join(folder, `bt_u${uid}`);
    const read = await readToken(path, uid);
    if (read !== undefined) return checked(read, path);
  }
  return undefined;
}

/** @throws CliError */
export function checked(text: string, from: string): FoundToken {
  const token = text.trim();
  if (TOKEN.test(token)) return { token, from };
  throw new CliError(Exit.usage, `${from}: what stands there is no bearer token`);
}

/** @param owner whose file it has to be: anybody can put one into /tmp */
async function readToken(path: string, owner: number | undefined): Promise<string | undefined> {
  let file: FileHandle;
  try {
    const follow = owner === undefined ? 0 : constants.O_NOFOLLOW;
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | follow);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ELOOP") return undefined;
    throw new CliError(Exit.usage, `the bearer token cannot be read: ${message}`, { cause });
  }
  try {
    const facts = await file.stat();
    if (!facts.isFile() || (owner !== undefined && facts.uid !== owner)) return undefined;
    if (facts.size > MOST_BYTES) throw new CliError(Exit.usage, `${path} is too large for a token`);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}
