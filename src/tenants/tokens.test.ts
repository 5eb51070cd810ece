import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Asked, TestIssuer } from "../../test/support/identity/issuer.ts";
import { StatusError } from "../errors.ts";
import { silent } from "../logger.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { originOf } from "./origin.ts";

const NOW_S = 1_800_000_000;
const HOUR_S = 3_600;
let nowMs = NOW_S * 1000;
const fetched: string[] = [];
/** What is behind the address of IAM's keys; undefined: it is away. */
let answer: string | undefined;
let folder: string;
let wlcg: TestIssuer;
let iam: TestIssuer;
let stranger: TestIssuer;
let keeper: Gatekeeper;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "beamgate-tokens-"));
  wlcg = await TestIssuer.create("https://cms-auth.example/", {
    rsa: "RS256",
    ec: "ES256",
    pss: "PS256",
    big: "ES384",
  });
  iam = await TestIssuer.create("https://iam.example/", { one: "RS256", two: "RS256" });
  stranger = await TestIssuer.create("https://cms-auth.example/", { rsa: "RS256", other: "RS256" });
  writeFileSync(join(folder, "cms.jwks"), await wlcg.jwks());
  answer = await iam.jwks(["one"]);
  writeFileSync(
    join(folder, "tenants.yaml"),
    `
tenants: { cms: {}, atlas: {} }
issuers:
  cms-iam: { url: "https://cms-auth.example/", profile: wlcg, jwksFile: cms.jwks, audiences: ["grpcs://gate:8001", "https://gate"] }
  iam: { url: "https://iam.example/", profile: iam, jwksUri: "https://iam.example/jwk", audiences: [gate] }
identities:
  - { issuer: cms-iam, scope: "storage.read:/cms/models", tenant: cms, roles: [observe] }
  - { issuer: cms-iam, scope: compute.modify, tenant: cms, roles: [infer, operate] }
  - { issuer: cms-iam, scope: compute.create, tenant: cms, roles: [infer] }
  - { issuer: cms-iam, group: /cms/operators, tenant: cms, roles: [operate] }
  - { issuer: cms-iam, group: /cms, tenant: cms, roles: [infer] }
  - { issuer: iam, group: atlas, tenant: atlas, roles: [infer] }
`,
  );
  keeper = new Gatekeeper({
    path: join(folder, "tenants.yaml"),
    listeners: [],
    log: silent,
    now: () => nowMs,
    fetchText: async (uri) => {
      fetched.push(uri);
      if (answer === undefined) throw new Error("nobody answers");
      return answer;
    },
  });
  await keeper.start();
});
afterAll(async () => {
  await keeper.stop();
  rmSync(folder, { recursive: true });
});

/** `tenant: roles`, or `CODE: text`. */
async function outcome(
  token: string,
  need: "infer" | "observe" | "operate" = "infer",
): Promise<string> {
  const verdict = await keeper.admit(
    [need],
    { authorization: `Bearer ${token}` },
    originOf(undefined, undefined),
  );
  if (verdict instanceof StatusError) return `${verdict.code}: ${verdict.message}`;
  return `${verdict?.tenant.name}: ${[...(verdict?.roles ?? [])].join(" ")}`;
}
const ofWlcg = (asked: Asked) => async () => wlcg.token(NOW_S, asked);
const claims = (claims: Asked["claims"] & object) => ofWlcg({ claims });
const CMS = /^cms: infer$/;
const REFUSED = /^UNAUTHENTICATED: the token is not accepted/;
const MANY = Array.from({ length: 1_000 }, (_, at) => `/g${at}`);
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
/** With another head than the one that was signed. */
const reheaded = (header: object) => async () => {
  const [, ...rest] = (await wlcg.token(NOW_S)).split(".");
  return [encoded({ kid: "rsa", ...header }), ...rest].join(".");
};
/** Signed. */
const critical = (header: object) => async () =>
  wlcg.tokenOfText(JSON.stringify(wlcg.claims(NOW_S)), header);
/** Signed, and as it is written. @param usual undefined: `last` is all that there is */
const text = (usual: object | undefined, last: string) => async () => {
  const written = JSON.stringify({ ...wlcg.claims(NOW_S), ...usual });
  return wlcg.tokenOfText(usual === undefined ? last : `${written.slice(0, -1)},${last}}`);
};
const scope = (scope: string) => ({ scope, "wlcg.groups": undefined });

describe("a token", () => {
  it.each<[what: string, make: () => Promise<string>, outcome: RegExp]>([
    ["signed with RSA", ofWlcg({ kid: "rsa" }), CMS],
    ["signed with ECDSA", ofWlcg({ kid: "ec" }), CMS],
    ["of a newer minor profile", claims({ "wlcg.ver": "1.7" }), CMS],
    ["for several, us among them", claims({ aud: ["other", "https://gate"] }), CMS],
    ["for any WLCG service", claims({ aud: "https://wlcg.cern.ch/jwt/v1/any" }), CMS],
    ["without nbf", claims({ nbf: undefined }), CMS],
    ["that expired within the skew", claims({ exp: NOW_S - 50 }), CMS],
    ["that begins within the skew", claims({ nbf: NOW_S + 50 }), CMS],
    ["issued within the skew", claims({ iat: NOW_S + 50 }), CMS],
    [
      "without kid, of whose kind there is one key",
      ofWlcg({ kid: "ec", header: { kid: undefined } }),
      CMS,
    ],

    ["that expired", claims({ exp: NOW_S - 70 }), /^UNAUTHENTICATED: .*it has expired/],
    ["that begins later", claims({ nbf: NOW_S + 70 }), /^UNAUTHENTICATED: .*not valid yet/],
    [
      "issued in the future",
      claims({ iat: NOW_S + 70 }),
      /^UNAUTHENTICATED: .*issued in the future/,
    ],
    [
      "for somebody else",
      claims({ aud: "https://other" }),
      /^UNAUTHENTICATED: .*for somebody else; ask for grpcs:/,
    ],
    [
      "for us in other letters",
      claims({ aud: "https://GATE" }),
      /^UNAUTHENTICATED: .*somebody else/,
    ],
    ["for a part of our name", claims({ aud: "https://gat" }), /^UNAUTHENTICATED: .*somebody else/],
    ["for nobody", claims({ aud: [] }), /^UNAUTHENTICATED: .*somebody else/],
    ["without aud", claims({ aud: undefined }), /^UNAUTHENTICATED: .*somebody else|aud is missing/],
    ["without exp", claims({ exp: undefined }), /^UNAUTHENTICATED: .*exp is missing/],
    ["without iat", claims({ iat: undefined }), /^UNAUTHENTICATED: .*iat is missing/],
    ["without jti", claims({ jti: undefined }), /^UNAUTHENTICATED: .*jti is missing/],
    ["without sub", claims({ sub: undefined }), /^UNAUTHENTICATED: .*sub is missing/],
    ["with an empty sub", claims({ sub: "" }), /^UNAUTHENTICATED: .*subject is no text/],
    ["with exp as a text", claims({ exp: "later" }), /^UNAUTHENTICATED: .*exp is wrong/],
    [
      "without wlcg.ver",
      claims({ "wlcg.ver": undefined }),
      /^UNAUTHENTICATED: .*wlcg\.ver is missing/,
    ],
    ["of profile 2", claims({ "wlcg.ver": "2.0" }), /^UNAUTHENTICATED: .*wlcg\.ver is not 1\.x/],
    ["of profile 10", claims({ "wlcg.ver": "10.0" }), /^UNAUTHENTICATED: .*wlcg\.ver is not 1\.x/],
    [
      "with its profile as a number",
      claims({ "wlcg.ver": 1 }),
      /^UNAUTHENTICATED: .*wlcg\.ver is not 1\.x/,
    ],
    [
      "of an unknown issuer",
      claims({ iss: "https://evil.example/" }),
      /^UNAUTHENTICATED: .*issuer is none that this gateway trusts/,
    ],
    [
      "of an issuer with a slash less",
      claims({ iss: "https://cms-auth.example" }),
      /^UNAUTHENTICATED: .*issuer is none/,
    ],
    ["without an issuer", claims({ iss: undefined }), /^UNAUTHENTICATED: .*issuer is none/],
    [
      "that names the keys to check it with",
      ofWlcg({ header: { jku: "https://evil.example/jwk" } }),
      CMS,
    ],
    ["signed with PS256", ofWlcg({ kid: "pss" }), /^UNAUTHENTICATED: .*only RS256 and ES256 count/],
    ["signed with ES384", ofWlcg({ kid: "big" }), /^UNAUTHENTICATED: .*only RS256 and ES256 count/],
    [
      "signed by nobody",
      async () => wlcg.unsigned(NOW_S),
      /^UNAUTHENTICATED: .*only RS256 and ES256 count/,
    ],
    [
      "signed with our public RSA key as a secret",
      () => wlcg.confused(NOW_S, "rsa"),
      /^UNAUTHENTICATED: .*only RS256/,
    ],
    [
      "signed with our public EC key as a secret",
      () => wlcg.confused(NOW_S, "ec"),
      /^UNAUTHENTICATED: .*only RS256/,
    ],
    [
      "signed by somebody else under a known kid",
      () => stranger.token(NOW_S),
      /^UNAUTHENTICATED: .*signature is wrong/,
    ],
    [
      "signed under an unknown kid",
      () => stranger.token(NOW_S, { kid: "other" }),
      /^UNAUTHENTICATED: .*no such key/,
    ],
    [
      "of RSA under the kid of an EC key",
      ofWlcg({ kid: "rsa", header: { kid: "ec" } }),
      /^UNAUTHENTICATED: .*no such key/,
    ],
    [
      "that was changed",
      async () => (await wlcg.token(NOW_S)).replace(/\.[^.]+\./, (own) => `${own.slice(0, -3)}AA.`),
      /^UNAUTHENTICATED/,
    ],
    [
      "whose signature is cut",
      async () => (await wlcg.token(NOW_S)).slice(0, -6),
      /^UNAUTHENTICATED: .*signature is wrong/,
    ],
    [
      "whose signature is that of another",
      async () => {
        const [head, body] = (await wlcg.token(NOW_S, { claims: { sub: "root" } })).split(".");
        return `${head}.${body}.${(await wlcg.token(NOW_S)).split(".")[2]}`;
      },
      /^UNAUTHENTICATED: .*signature is wrong/,
    ],
    ["that is none", async () => "abc", /^UNAUTHENTICATED: .*no signed JWT/],
    ["that is encrypted", async () => "a.b.c.d.e", /^UNAUTHENTICATED: .*no signed JWT/],
    ["whose payload is no JSON", async () => "e30.bm8.c2ln", /^UNAUTHENTICATED: .*no signed JWT/],
    [
      "that is very long",
      async () => `e30.${"a".repeat(20_000)}.c2ln`,
      /^UNAUTHENTICATED: .*no signed JWT/,
    ],

    [
      "of a part of the group",
      claims({ "wlcg.groups": ["/cms/uscms"] }),
      /^UNAUTHENTICATED: .*belongs to no tenant: its groups are \/cms\/uscms/,
    ],
    [
      "of a group that begins like ours",
      claims({ "wlcg.groups": ["/cmsx"] }),
      /^UNAUTHENTICATED: .*no tenant/,
    ],
    ["of two groups", claims({ "wlcg.groups": ["/other", "/cms"] }), CMS],
    ["of no group", claims({ "wlcg.groups": [] }), /^UNAUTHENTICATED: .*its groups are none/],
    [
      "with groups in IAM's claim",
      claims({ "wlcg.groups": undefined, groups: ["cms"] }),
      /^UNAUTHENTICATED: .*no tenant/,
    ],
    ["with groups as a text", claims({ "wlcg.groups": "/cms" }), /^UNAUTHENTICATED: .*no tenant/],
    ["with a capability", claims(scope("openid compute.create")), CMS],
    [
      "with a capability and a group: the group does not count",
      claims({ scope: "storage.read:/x" }),
      /^UNAUTHENTICATED: .*its groups are none/,
    ],
    [
      "with a scope that is no capability, and a group",
      claims({ scope: "openid profile wlcg.groups" }),
      CMS,
    ],
    [
      "with the path of the rule",
      claims(scope("storage.read:/cms/models")),
      /^PERMISSION_DENIED: .*has observe/,
    ],
    [
      "with a path above it",
      claims(scope("storage.read:/cms")),
      /^PERMISSION_DENIED: .*has observe/,
    ],
    ["with every path", claims(scope("storage.read:/")), /^PERMISSION_DENIED: .*has observe/],
    [
      "with a path below it",
      claims(scope("storage.read:/cms/models/jets")),
      /^UNAUTHENTICATED: .*no tenant/,
    ],
    [
      "with a path that begins like one above it",
      claims(scope("storage.read:/cm")),
      /^UNAUTHENTICATED: .*no tenant/,
    ],
    [
      "with a longer word than the path",
      claims(scope("storage.read:/cms/modelsx")),
      /^UNAUTHENTICATED: .*no tenant/,
    ],
    [
      "with a path that climbs",
      claims(scope("storage.read:/x/../cms")),
      /^UNAUTHENTICATED: .*no tenant/,
    ],
    ["of storage without a path", claims(scope("storage.read")), /^UNAUTHENTICATED: .*no tenant/],
    ["with a scope in capitals", claims(scope("COMPUTE.CREATE")), /^UNAUTHENTICATED: .*no tenant/],
    [
      "with a role that is not enough",
      claims({ "wlcg.groups": ["/cms/operators"] }),
      /^PERMISSION_DENIED: this needs the role infer; https:\/\/cms-auth\.example\/ physicist of tenant cms has operate/,
    ],

    [
      "under a kid that is a path",
      ofWlcg({ header: { kid: "../../../../dev/null" } }),
      /^UNAUTHENTICATED: .*no such key/,
    ],
    [
      "under a kid that is a question to a database",
      ofWlcg({ header: { kid: "rsa' OR '1'='1" } }),
      /^UNAUTHENTICATED: .*no such key/,
    ],
    ["under a kid of every object", ofWlcg({ header: { kid: "__proto__" } }), /no such key/],
    [
      "that brings the key to check it with",
      async () => {
        const [key] = JSON.parse(await stranger.jwks(["rsa"])).keys;
        return stranger.token(NOW_S, { header: { jwk: key } });
      },
      /^UNAUTHENTICATED: .*signature is wrong/,
    ],
    [
      "that brings a chain of certificates",
      () => stranger.token(NOW_S, { header: { x5c: ["MIIB"], x5u: "https://evil.example/" } }),
      /^UNAUTHENTICATED: .*signature is wrong/,
    ],
    ["signed beside every library", critical({}), CMS],
    ["that needs what nobody understands", critical({ crit: ["exp"], exp: 1 }), REFUSED],
    ["that needs nothing, by name", critical({ crit: [] }), REFUSED],
    ["whose payload is not encoded", critical({ crit: ["b64"], b64: false }), REFUSED],
    ["signed with 'none' in capitals", reheaded({ alg: "NONE" }), /only RS256 and ES256 count/],
    ["signed with a list of ways", reheaded({ alg: ["RS256"] }), REFUSED],
    ["that says RS256 of an EC signature", reheaded({ alg: "RS256", kid: "ec" }), /no such key/],
    ["that says twice who it is", text({}, '"sub":"physicist"'), CMS],
    [
      "that says twice of which issuer it is: the last one counts, everywhere",
      text({}, '"iss":"https://evil.example/"'),
      /^UNAUTHENTICATED: .*issuer is none/,
    ],
    ["that lasts for ever", text({}, '"exp":1e400'), /^UNAUTHENTICATED: .*exp is wrong/],
    ["that ended before time began", text({}, '"exp":-1e400'), /it has expired/],
    ["that expires before 1970", claims({ exp: -5 }), /it has expired/],
    ["that expires at a text of digits", claims({ exp: `${NOW_S + 60}` }), /exp is wrong/],
    ["that expires at a list", claims({ exp: [NOW_S + 60] }), /exp is wrong/],
    ["that expires at null", claims({ exp: null }), /exp is (missing|wrong)/],
    ["issued at a text", claims({ iat: "now" }), /iat is wrong/],
    ["that begins at infinity", text({}, '"nbf":1e400'), /not valid yet/],
    ["for a list in a list", claims({ aud: [["https://gate"]] }), /somebody else/],
    ["for an object of our name", claims({ aud: { "https://gate": true } }), /somebody else/],
    ["for us and a space", claims({ aud: "https://gate " }), /somebody else/],
    ["whose payload is a list", text(undefined, "[]"), /^UNAUTHENTICATED/],
    ["whose payload is null", text(undefined, "null"), /^UNAUTHENTICATED/],
    ["with a list for its subject", claims({ sub: ["root"] }), /subject is no text/],
    ["with a line break in its subject", claims({ sub: "a\nWARN b" }), /subject is no name/],
    ["with an endless subject", claims({ sub: "x".repeat(5_000) }), /subject is no name/],
    [
      "of a group that only looks like ours",
      claims({ "wlcg.groups": ["/\u0441ms", "/cms\u200b", "/cms\u0000", "/\uff43ms", "/CMS"] }),
      /^UNAUTHENTICATED: .*belongs to no tenant/,
    ],
    ["of a group with a slash more", claims({ "wlcg.groups": ["/cms/", "//cms"] }), /no tenant/],
    ["of groups that are no texts", claims({ "wlcg.groups": [["/cms"], { a: 1 }, null] }), /none/],
    ["of a thousand groups, ours the last", claims({ "wlcg.groups": [...MANY, "/cms"] }), CMS],
    [
      "of a thousand groups: some are told",
      claims({ "wlcg.groups": MANY.map((group) => group + "x".repeat(500)).slice(0, 15) }),
      /^UNAUTHENTICATED: .{0,600}$/,
    ],
  ])("%s", async (_what, make, expected) => {
    expect(await outcome(await make())).toMatch(expected);
  });

  it("is never shown in a refusal", async () => {
    const token = await wlcg.token(NOW_S, { claims: { aud: "other" } });
    expect(await outcome(token)).not.toContain(token.split(".")[1]);
  });

  it.each(["", "Bearer", "Basic dTpw", "Bearer a b", "Bearer a, Bearer b", "a.b.c"])(
    "in a header '%s' is refused, although there may be weaker ways",
    async (authorization) => {
      const verdict = await keeper.admit(
        ["infer"],
        { authorization },
        originOf(undefined, undefined),
      );
      expect(verdict).toMatchObject({ code: "UNAUTHENTICATED" });
    },
  );
});

describe("a token that was verified", () => {
  it("is known at once the next time, on any connection, until it expires", async () => {
    const token = await wlcg.token(NOW_S, { claims: { sub: "often" } });
    await outcome(token);
    const headers = { authorization: `Bearer ${token}` };
    const again = () => keeper.admit(["infer"], headers, originOf(undefined, undefined));
    expect(again()).toMatchObject({ subject: "https://cms-auth.example/ often" });
    nowMs += (HOUR_S + 61) * 1000;
    expect(await again()).toMatchObject({ code: "UNAUTHENTICATED" });
    nowMs = NOW_S * 1000;
  });

  it("is not remembered by its connection beyond that, nor for another token", async () => {
    const origin = originOf(undefined, undefined);
    const token = await wlcg.token(NOW_S, { claims: { sub: "one" } });
    const ask = (token: string) =>
      keeper.admit(["infer"], { authorization: `Bearer ${token}` }, origin);
    await ask(token);
    expect(ask(token)).toMatchObject({ how: "token" });
    expect(await ask(`${token}x`)).toMatchObject({ code: "UNAUTHENTICATED" });
    nowMs += (HOUR_S + 61) * 1000;
    expect(await ask(token)).toMatchObject({ code: "UNAUTHENTICATED" });
    nowMs = NOW_S * 1000;
  });
});

describe("the keys of an issuer behind an address", () => {
  const token = (kid: string) =>
    iam.token(nowMs / 1000, {
      kid,
      claims: { aud: "gate", groups: ["atlas"], jti: undefined, "wlcg.ver": undefined },
    });
  const HOUR_MS = 3_600_000;

  it("are asked for once, and again for a new key, at most once a minute", async () => {
    const before = fetched.length;
    expect(await outcome(await token("one"))).toBe("atlas: infer");
    expect(await outcome(await token("one"))).toBe("atlas: infer");
    expect(fetched.length - before).toBe(1);
    for (let n = 0; n < 20; n++) expect(await outcome(await token("two"))).toMatch(/no such key/);
    expect(fetched.length - before).toBe(1);
    nowMs += 61_000;
    for (let n = 0; n < 20; n++) expect(await outcome(await token("two"))).toMatch(/no such key/);
    expect(fetched.length - before).toBe(2);
    answer = await iam.jwks(["two"]);
    nowMs += 61_000;
    expect(await outcome(await token("two"))).toBe("atlas: infer");
    expect(fetched.length - before).toBe(3);
  });

  it("count no longer when the issuer has taken them away, not even for tokens seen before", async () => {
    expect(await outcome(await token("one"))).toMatch(/no such key/);
  });

  it("are refreshed every six hours, and count for two days while the issuer is away", async () => {
    const before = fetched.length;
    nowMs += 7 * HOUR_MS;
    answer = undefined;
    expect(await outcome(await token("two"))).toBe("atlas: infer");
    expect(fetched.length - before).toBe(1);
    nowMs += 40 * HOUR_MS;
    expect(await outcome(await token("two"))).toBe("atlas: infer");
    nowMs += 2 * HOUR_MS;
    expect(await outcome(await token("two"))).toMatch(
      /^UNAVAILABLE: the keys of issuer iam cannot be had/,
    );
    answer = await iam.jwks(["two"]);
    nowMs += 61_000;
    expect(await outcome(await token("two"))).toBe("atlas: infer");
  });
});
