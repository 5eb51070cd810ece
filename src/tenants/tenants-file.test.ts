import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { TenantTable } from "./tenant-table.ts";
import { parseTenants, readTenantsFile } from "./tenants-file.ts";

const PATH = "/etc/beamgate/tenants.yaml";
const WHOLE = `
tenants:
  cms: { weight: 2, guarantee: 0.5, sonic: true, quota: { rowsPerSecond: 1000 }, models: ["particlenet*"] }
  atlas: {}
issuers:
  cms-iam: { url: "https://cms-auth.example/", profile: wlcg, jwksFile: keys/cms.jwks, audiences: [gate] }
  iam: { url: "https://iam.example/", profile: iam, jwksUri: "https://iam.example/jwk", audiences: [gate] }
identities:
  - { certificate: "/DC=ch/DC=cern/CN=*", tenant: cms, roles: [infer] }
  - { issuer: cms-iam, group: cms/operators, tenant: cms, roles: [infer, operate] }
  - { issuer: iam, scope: compute.create, tenant: atlas, roles: [infer] }
  - { key: jobs, keyFile: keys/jobs, tenant: atlas, roles: [infer] }
  - { listener: atlas, tenant: atlas, roles: [infer] }
anonymous: { tenant: atlas, roles: [observe] }
`;

const refused = (text: string) => {
  try {
    parseTenants(text, PATH);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return "accepted";
};

describe("a file of tenants", () => {
  it("names tenants, with defaults for what they leave out", () => {
    expect(parseTenants(WHOLE, PATH).tenants).toEqual([
      {
        ...{ name: "cms", weight: 2, guarantee: 0.5, sonic: true },
        ...{ quota: { rowsPerSecond: 1000 }, models: ["particlenet*"] },
      },
      {
        ...{ name: "atlas", weight: 1, guarantee: 0, sonic: false },
        ...{ quota: {}, models: ["*"] },
      },
    ]);
  });

  it("says who belongs to them, with the files it names beside it", () => {
    const { identities, issuers, anonymous } = parseTenants(WHOLE, PATH);
    expect(identities).toMatchObject([
      { kind: "certificate", tenant: "cms", pattern: { text: "/DC=ch/DC=cern/CN=*" } },
      { kind: "token", issuer: "cms-iam", need: { group: "/cms/operators" } },
      { kind: "token", issuer: "iam", need: { scope: "compute.create" } },
      { kind: "key", name: "jobs", file: "/etc/beamgate/keys/jobs" },
      { kind: "listener", listener: "atlas" },
    ]);
    expect(issuers.map(({ jwks }) => jwks)).toEqual([
      { file: "/etc/beamgate/keys/cms.jwks" },
      { uri: "https://iam.example/jwk" },
    ]);
    expect(anonymous).toEqual({ tenant: "atlas", roles: new Set(["observe"]) });
  });

  it.each([
    ["an unknown key", "tenants: { cms: { wieght: 2 } }", /tenants\.cms\.wieght.*mean weight/],
    ["one at the top", "tennants: {}", /unknown key tennants \(did you mean tenants\?\)/],
    [
      "a limit so low that nobody could wait for it",
      "tenants: {a: {quota: {rowsPerSecond: 1.0e-300}}}",
      /quota\.rowsPerSecond: .*0\.001/,
    ],
    [
      "one of a quota",
      "tenants: {a: {quota: {rowsPerSec: 1}}}",
      /quota\.rowsPerSec .*rowsPerSecond/,
    ],
    [
      "one of a rule",
      "tenants: {a: {}}\nidentities: [{keyfile: x, tenant: a, roles: [infer]}]",
      /keyfile .*keyFile/,
    ],
    [
      "promises of more than all",
      "tenants: {a: {guarantee: 0.6}, b: {guarantee: 0.5}}",
      /sum up to 1\.1/,
    ],
    ["a weight of nothing", "tenants: {a: {weight: 0}}", /tenants\.a\.weight/],
    ["a name that is none", "tenants: {'a b': {}}", /tenants\.a b: /],
    [
      "an unknown tenant",
      "tenants: {cms: {}}\nidentities: [{listener: x, tenant: csm, roles: [infer]}]",
      /no tenant 'csm' \(did you mean cms\?\)/,
    ],
    [
      "an unknown tenant of nobody",
      "tenants: {}\nanonymous: {tenant: cms, roles: [infer]}",
      /anonymous\.tenant/,
    ],
    [
      "an unknown issuer",
      "tenants: {a: {}}\nidentities: [{issuer: x, group: /a, tenant: a, roles: [infer]}]",
      /no issuer 'x'/,
    ],
    [
      "an unknown role",
      "tenants: {a: {}}\nidentities: [{listener: x, tenant: a, roles: [root]}]",
      /identities\.0\.roles\.0/,
    ],
    [
      "a rule without a role",
      "tenants: {a: {}}\nidentities: [{listener: x, tenant: a, roles: []}]",
      /identities\.0\.roles/,
    ],
    [
      "a rule about nobody",
      "tenants: {a: {}}\nidentities: [{tenant: a, roles: [infer]}]",
      /there is none/,
    ],
    [
      "two ways at once",
      "tenants: {a: {}}\nidentities: [{listener: x, key: k, keyFile: f, tenant: a, roles: [infer]}]",
      /key and listener/,
    ],
    [
      "a group of no issuer",
      "tenants: {a: {}}\nidentities: [{listener: x, group: /g, tenant: a, roles: [infer]}]",
      /need the issuer/,
    ],
    [
      "a key without its file",
      "tenants: {a: {}}\nidentities: [{key: k, tenant: a, roles: [infer]}]",
      /key needs keyFile/,
    ],
    [
      "a certificate without a name",
      "tenants: {a: {}}\nidentities: [{certificate: everybody, tenant: a, roles: [infer]}]",
      /is no name/,
    ],
    [
      "keys of an issuer from two places",
      "tenants: {}\nissuers: {i: {url: 'https://i/', profile: iam, audiences: [g], jwksFile: f, jwksUri: 'https://i/k'}}",
      /either jwksUri or jwksFile/,
    ],
    [
      "keys that come without TLS",
      "tenants: {}\nissuers: {i: {url: 'https://i/', profile: iam, audiences: [g], jwksUri: 'http://i/k'}}",
      /issuers\.i\.jwksUri: keys are fetched over https only/,
    ],
    [
      "an issuer that is to be asked without TLS where its keys are",
      "tenants: {}\nissuers: {i: {url: 'http://i/', profile: iam, audiences: [g]}}",
      /issuers\.i\.url: keys are fetched over https only/,
    ],
    [
      "authorities where nothing is fetched",
      "tenants: {}\nissuers: {i: {url: 'https://i/', profile: iam, audiences: [g], jwksFile: f, caFile: c}}",
      /issuers\.i\.caFile: nothing is fetched/,
    ],
    [
      "two issuers with one url",
      "tenants: {}\nissuers:\n  i: &i {url: 'https://i/', profile: iam, audiences: [g], jwksFile: f}\n  j: {url: 'https://i/', profile: iam, audiences: [g], jwksFile: f}",
      /that of i already/,
    ],
    ["what is no YAML", "tenants: {", /cannot be used/],
    ["what is a list", "[]", /the document/],
  ])("is refused for %s", (_what, text, reason) => {
    expect(refused(text)).toMatch(reason);
    expect(refused(text)).toContain(PATH);
  });

  it("may promise everything in parts that binary numbers do not have", () => {
    expect(
      refused("tenants: {a: {guarantee: 0.7}, b: {guarantee: 0.2}, c: {guarantee: 0.1}}"),
    ).toBe("accepted");
  });
});

describe("the table of tenants", () => {
  const { tenants } = parseTenants("tenants: {cms: {}, atlas: {}}", PATH);

  it("keeps an index for whoever had it, also after an absence", () => {
    const table = new TenantTable();
    table.replace(tenants);
    const index = table.named("atlas")?.index;
    table.replace(parseTenants("tenants: {lhcb: {}, cms: {weight: 3}}", PATH).tenants);
    expect(table.named("atlas")).toBeUndefined();
    const taken = table.all().map((tenant) => tenant.index);
    expect(taken).not.toContain(index);
    table.replace(tenants);
    expect(table.named("atlas")?.index).toBe(index);
  });

  it("has the terms that were changed while it runs, and keeps those of the file", () => {
    const table = new TenantTable();
    table.replace(tenants);
    const carried = table.named("cms");
    let weight = 5;
    table.adjustBy((written) => ({ ...written, weight }));
    expect(table.named("cms")).toMatchObject({ weight: 5 });
    weight = 6;
    table.readjust();
    expect(carried).toMatchObject({ weight: 6 });
    expect(table.named("cms")).toMatchObject({ weight: 6 });
    expect(table.written()[0]?.weight).toBe(1);
    table.replace(tenants);
    expect(table.named("cms")).toMatchObject({ weight: 6 });
  });

  it("tells whoever wants to know", () => {
    const table = new TenantTable();
    const told: string[][] = [];
    table.onChange((all) => told.push(all.map(({ name }) => name)));
    table.replace(tenants);
    expect(told).toEqual([["cms", "atlas"]]);
  });
});

describe("a long file", () => {
  const tenants = Array.from(
    { length: 3_000 },
    (_, at) => `  t${at}: { weight: ${1 + (at % 7)} }\n`,
  );
  const text = `tenants:\n${tenants.join("")}`;
  const written = (content: string) => {
    const path = join(mkdtempSync(join(tmpdir(), "beamgate-tenants-")), "tenants.yaml");
    writeFileSync(path, content);
    onTestFinished(() => rmSync(dirname(path), { recursive: true }));
    return path;
  };

  it("is read like a short one", async () => {
    const path = written(text);
    expect(await readTenantsFile(path)).toEqual(parseTenants(text, path));
  });

  it("is refused like a short one, with the place of the mistake", async () => {
    const broken = `${text}  t7: {}\n`;
    const path = written(broken);
    let expected = "";
    try {
      parseTenants(broken, path);
    } catch (thrown) {
      expected = (thrown as Error).message;
    }
    expect(expected).toContain("Map keys must be unique at line 3002");
    await expect(readTenantsFile(path)).rejects.toThrow(expected);
  });
});
