/**
 * A browser cannot show a token with every request (an EventSource has no headers): it logs in once and keeps a
 * cookie. Behind the cookie lies what it showed, in memory only; that is looked at anew with every request, so
 * that a token which expired, or a key which was taken back, counts no longer.
 */
import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

export const SESSION_COOKIE = "beamgate_session";
/** A shift. */
const LIFETIME_MS = 8 * 3_600_000;
const MOST_SESSIONS = 1_000;
const SAFE = new Set(["GET", "HEAD"]);

/** What was shown at the login. */
export type Shown = { readonly authorization: string } | { readonly "x-api-key": string };

export class Sessions {
  readonly #now: () => number;
  /** Oldest first. */
  readonly #sessions = new Map<string, { readonly shown: Shown; readonly untilMs: number }>();

  /** @param now ms since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @returns the value of `set-cookie` */
  begin(shown: Shown, secure: boolean): string {
    const id = randomBytes(32).toString("base64url");
    for (const [oldest, { untilMs }] of this.#sessions) {
      if (this.#sessions.size < MOST_SESSIONS && untilMs > this.#now()) break;
      this.#sessions.delete(oldest);
    }
    this.#sessions.set(id, { shown, untilMs: this.#now() + LIFETIME_MS });
    return cookie(id, LIFETIME_MS / 1000, secure);
  }

  /** @returns the value of `set-cookie` */
  end(headers: IncomingHttpHeaders, secure: boolean): string {
    const id = idOf(headers);
    if (id !== undefined) this.#sessions.delete(id);
    return cookie("", 0, secure);
  }

  /**
   * As if the request showed what was shown at the login. Whoever shows something himself is taken by that. What
   * changes something counts only where the browser says that a page of ours asked for it (Fetch Metadata).
   */
  headersOf(method: string, headers: IncomingHttpHeaders): IncomingHttpHeaders {
    if (headers.authorization !== undefined || headers["x-api-key"] !== undefined) return headers;
    const id = idOf(headers);
    const session = id === undefined ? undefined : this.#sessions.get(id);
    if (session === undefined || session.untilMs <= this.#now()) return headers;
    if (!SAFE.has(method) && !fromOurPage(headers)) return headers;
    return { ...headers, ...session.shown };
  }
}

function fromOurPage(headers: IncomingHttpHeaders): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site === "same-origin";
  return origin !== undefined && host !== undefined && origin.replace(/^https?:\/\//, "") === host;
}

function idOf({ cookie: given = "" }: IncomingHttpHeaders): string | undefined {
  for (const pair of given.split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === SESSION_COOKIE) return value;
  }
  return undefined;
}

function cookie(id: string, seconds: number, secure: boolean): string {
  const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure ? "; Secure" : ""}`;
  return `${SESSION_COOKIE}=${id}; ${flags}`;
}
