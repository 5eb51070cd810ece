import { describe, expect, it } from "vitest";
import { Sessions } from "./sessions.ts";

const HOUR_MS = 3_600_000;
const shown = { "x-api-key": "k" };

function begun(secure = false) {
  const clock = { ms: 0 };
  const sessions = new Sessions(() => clock.ms);
  const cookie = sessions.begin(shown, { host: "gate:8000" }, secure);
  const [pair = ""] = cookie.split(";");
  return { clock, sessions, cookie, headers: { cookie: `a=b; ${pair}`, host: "gate:8000" } };
}

describe("a session", () => {
  it("stands for what was shown at the login, in a cookie that no script and no other site has", () => {
    const { sessions, cookie, headers } = begun(true);
    expect(cookie).toMatch(
      /^beamgate_session_8000=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=28800; Secure$/,
    );
    expect(sessions.headersOf("GET", headers)).toEqual({ ...headers, ...shown });
  });

  it("gives way to what a request shows itself", () => {
    const { sessions, headers } = begun();
    const own = { ...headers, authorization: "Bearer t" };
    expect(sessions.headersOf("GET", own)).toBe(own);
  });

  it.each([
    ["of our page, as the browser says", { "sec-fetch-site": "same-origin" }, true],
    ["of our page, by its origin", { origin: "https://gate:8000" }, true],
    ["of another site", { "sec-fetch-site": "cross-site", origin: "https://gate:8000" }, false],
    ["of another port", { origin: "http://gate:9000" }, false],
    ["of nobody knows what", {}, false],
  ])("changes something only at the wish of our page: %s", (_, more, counts) => {
    const { sessions, headers } = begun();
    const found = sessions.headersOf("POST", { ...headers, ...more });
    expect("x-api-key" in found).toBe(counts);
  });

  it("ends with a logout, after a shift, and is nobody's whose cookie is made up", () => {
    const { clock, sessions, headers } = begun();
    clock.ms = 8 * HOUR_MS;
    expect(sessions.headersOf("GET", headers)).toBe(headers);
    const other = begun();
    expect(other.sessions.end(other.headers, false)).toContain("Max-Age=0");
    expect(other.sessions.headersOf("GET", other.headers)).toBe(other.headers);
    const made = { cookie: `beamgate_session=${"A".repeat(43)}` };
    expect(sessions.headersOf("GET", made)).toBe(made);
  });

  it("is of one gateway, where several have the same host: browsers send its cookies to all ports", () => {
    const [one, other] = [new Sessions(), new Sessions()];
    const pairOf = (cookie: string) => cookie.split(";")[0] ?? "";
    const first = pairOf(one.begin(shown, { host: "gate:8000" }, false));
    const second = pairOf(other.begin({ "x-api-key": "l" }, { host: "gate:9000" }, false));
    // A browser keeps one cookie of a name.
    const jar = new Map([first, second].map((pair) => [pair.split("=")[0], pair]));
    const cookie = [...jar.values()].join("; ");
    expect(one.headersOf("GET", { host: "gate:8000", cookie })).toMatchObject(shown);
    expect(other.headersOf("GET", { host: "gate:9000", cookie })).toMatchObject({
      "x-api-key": "l",
    });
    const ended = other.end({ host: "gate:9000", cookie }, false);
    expect(ended).toMatch(/^beamgate_session_9000=; /);
    const alone = one.begin(shown, { host: "gate" }, false);
    expect(alone).toMatch(/^beamgate_session=/);
  });

  it("makes room for others by the oldest", () => {
    const { sessions, headers } = begun();
    for (let at = 0; at < 1_000; at += 1) sessions.begin(shown, headers, false);
    expect(sessions.headersOf("GET", headers)).toBe(headers);
  });
});
