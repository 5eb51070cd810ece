/** Keys of an issuer, fetched for real: over HTTPS with an authority of its own, from where its discovery document says. */
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { newApiKey } from "../../src/tenants/api-keys.ts";
import { TestAuthority } from "../support/identity/authority.ts";
import { simpleRow } from "../support/identity/https-client.ts";
import {
  startTenantsGateway,
  type TenantsGateway,
  temporaryFolder,
} from "../support/identity/tenants-gateway.ts";
import { WebIssuer } from "../support/identity/web-issuer.ts";

const DISCOVERY = "/cms/.well-known/openid-configuration";
const JWK = "/cms/jwk";
const MINUTE_MS = 61_000;
const HOUR_MS = 3_600_000;
const folder = temporaryFolder();
const inFolder = (name: string) => join(folder.path, name);
const key = newApiKey();
let root: TestAuthority;
let other: TestAuthority;
let issuer: WebIssuer;
let served: TenantsGateway;

const tenants = (url: string) => `
tenants: { cms: { models: [simple] } }
issuers: { cms: { url: "${url}", profile: wlcg, audiences: [gate], caFile: roots.pem } }
identities:
  - { issuer: cms, group: /cms, tenant: cms, roles: [infer] }
  - { key: one, keyFile: one.key, tenant: cms, roles: [infer] }
`;

/** Only `Date` is another one than the machine's: sockets and timers are real. */
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  root = new TestAuthority(folder.path, "root");
  other = new TestAuthority(folder.path, "other");
  issuer = await WebIssuer.start(root);
  writeFileSync(inFolder("roots.pem"), readFileSync(root.certPath));
  writeFileSync(inFolder("one.key"), key.line);
  writeFileSync(inFolder("tenants.yaml"), tenants(issuer.url));
  served = await startTenantsGateway(folder.path, "{}");
});
afterAll(async () => {
  vi.useRealTimers();
  issuer?.stop();
  await served?.stop();
  folder.remove();
});
beforeEach(() => {
  issuer.mood = "well";
  issuer.document = {};
  issuer.asked.length = 0;
});

/** `200`, or the status and the reason. */
async function infer(headers: Record<string, string>): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${served.httpPort}/v2/models/simple/infer`, {
    method: "POST",
    headers,
    body: JSON.stringify(simpleRow(3)),
  });
  const told = (await answer.json()) as { readonly error?: string };
  return answer.status === 200 ? "200" : `${answer.status} ${told.error}`;
}
const byToken = async (kid = "one") =>
  infer({ authorization: `Bearer ${await issuer.token({ kid })}` });
const byKey = () => infer({ "x-api-key": key.key });

describe("an issuer with an authority and a discovery document of its own", () => {
  it("is asked with the first token, once for all that come together", async () => {
    expect(await Promise.all(Array.from({ length: 10 }, () => byToken()))).toEqual(
      Array.from({ length: 10 }, () => "200"),
    );
    expect(issuer.asked).toEqual([DISCOVERY, JWK]);
  });

  it("vouches for one request of a connection and not for the next", async () => {
    const body = JSON.stringify(simpleRow(3));
    const asking = (token: string) =>
      `POST /v2/models/simple/infer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const good = await issuer.token({ claims: { sub: "fresh" } });
    const wrong = await issuer.token({ claims: { "wlcg.groups": ["/atlas"] } });
    const socket = connect(served.httpPort ?? 0, "127.0.0.1");
    socket.write(asking(good) + asking(good) + asking(wrong) + asking(good));
    const told = await new Promise<string>((resolve) => {
      let text = "";
      socket.on("data", (piece: Buffer) => {
        text += piece.toString();
      });
      socket.on("close", () => resolve(text));
    });
    expect(told.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 401"]);
    expect(told).toContain("belongs to no tenant: its groups are /atlas");
  });

  it("is asked once more for a key that nobody knows, and not for every token with one", async () => {
    later(MINUTE_MS);
    for (let n = 0; n < 5; n++) expect(await byToken("two")).toMatch(/^401 .*no such key/);
    expect(issuer.asked).toEqual([DISCOVERY, JWK]);
    issuer.told = ["one", "two"];
    expect(await byToken("two")).toMatch(/^401 .*no such key/);
    later(MINUTE_MS);
    expect(await byToken("two")).toBe("200");
    expect(issuer.asked).toEqual([DISCOVERY, JWK, DISCOVERY, JWK]);
    expect(await byToken("one")).toBe("200");
  });

  it("that is gone is not missed for two days, and wanted again when it is back", async () => {
    issuer.mood = "gone";
    later(47 * HOUR_MS);
    expect(await byToken()).toBe("200");
    later(2 * HOUR_MS);
    expect(await byToken()).toMatch(/^503 .*the keys of issuer cms cannot be had at the moment/);
    expect(await byKey()).toBe("200");
    issuer.mood = "well";
    later(6_000);
    expect(await byToken()).toBe("200");
  });

  it.each(["huge", "elsewhere", "no JSON"] as const)(
    "whose answer is %s is not listened to: its old keys count, the gateway serves",
    async (mood) => {
      issuer.mood = mood;
      later(HOUR_MS);
      expect(await byToken("three")).toMatch(/^401 .*no such key/);
      expect(issuer.asked).toEqual([DISCOVERY]);
      expect(await byToken()).toBe("200");
      expect(await byKey()).toBe("200");
    },
  );

  it("that is slow makes nobody wait whose key is known, and the others five seconds", async () => {
    issuer.mood = "slow";
    later(7 * HOUR_MS);
    let over = false;
    const unknown = byToken("three").finally(() => {
      over = true;
    });
    expect(await byToken()).toBe("200");
    expect(await byKey()).toBe("200");
    expect(over).toBe(false);
    // Its issuer would go on for ever.
    expect(await unknown).toMatch(/^401 .*no such key/);
  });

  it.each([
    ["of another issuer", { issuer: "https://localhost/atlas/" }],
    ["without an address of keys", { jwks_uri: undefined }],
    ["with an address that is not encrypted", { jwks_uri: "http://issuer.example/jwk" }],
  ])("with a document %s is not believed", async (_what, document) => {
    issuer.document = document;
    later(HOUR_MS);
    expect(await byToken("three")).toMatch(/^401 .*no such key/);
    expect(issuer.asked).toEqual([DISCOVERY]);
    expect(await byToken()).toBe("200");
  });

  it("counts only while its authority does", async () => {
    writeFileSync(inFolder("roots.pem"), readFileSync(other.certPath));
    await served.gateway.reload?.();
    expect(await byToken()).toMatch(/^503 .*cannot be had/);
    expect(issuer.asked).toEqual([]);
    writeFileSync(inFolder("roots.pem"), "nothing of use");
    await served.gateway.reload?.();
    writeFileSync(inFolder("roots.pem"), readFileSync(root.certPath));
    await served.gateway.reload?.();
    expect(await byToken()).toBe("200");
    // Other terms of the same issuer: keys that are there stay.
    issuer.mood = "gone";
    writeFileSync(inFolder("tenants.yaml"), tenants(issuer.url).replace("[gate]", "[gate, door]"));
    await served.gateway.reload?.();
    expect(await byToken()).toBe("200");
  });
});
