/**
 * A browser cannot show a token with every request (an EventSource has no headers): it logs in once and keeps a
 * cookie. Behind the cookie lies what it showed, in memory only; that is looked at anew with every request, so
 * that a token which expired, or a key which was taken back, counts no longer.
 */
import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const SESSION_COOKIE = "beamgate_session";
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

  /** @param headers of the login @returns the value of `set-cookie` */
  begin(shown: Shown, headers: IncomingHttpHeaders, secure: boolean): string {
    const id = randomBytes(32).toString("base64url");
    for (const [oldest, { untilMs }] of this.#sessions) {
      if (this.#sessions.size < MOST_SESSIONS && untilMs > this.#now()) break;
      this.#sessions.delete(oldest);
    }
    this.#sessions.set(id, { shown, untilMs: this.#now() + LIFETIME_MS });
    return cookie(nameAt(headers), id, LIFETIME_MS / 1000, secure);
  }

  /** @returns the value of `set-cookie` */
  end(headers: IncomingHttpHeaders, secure: boolean): string {
    const id = idOf(headers);
    if (id !== undefined) this.#sessions.delete(id);
    return cookie(nameAt(headers), "", 0, secure);
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

/** A browser sends the cookies of a host to all its ports: two gateways there would log each other's users out. */
function nameAt({ host = "" }: IncomingHttpHeaders): string {
  const port = /:(\d+)$/.exec(host)?.[1];
  return port === undefined ? SESSION_COOKIE : `${SESSION_COOKIE}_${port}`;
}

function idOf(headers: IncomingHttpHeaders): string | undefined {
  const wanted = nameAt(headers);
  for (const pair of (headers.cookie ?? "").split(";")) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === wanted) return value;
  }
  return undefined;
}

function cookie(name: string, id: string, seconds: number, secure: boolean): string {
  const flags = `Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure ? "; Secure" : ""}`;
  return `${name}=${id}; ${flags}`;
}
