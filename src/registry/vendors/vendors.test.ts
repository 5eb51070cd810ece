import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFileStore } from "../../store/files/file-store.ts";
import type { Verdict } from "../catalog/types.ts";
import { canonicalJson } from "./canonical-json.ts";
import { VendorKeys } from "./vendor-keys.ts";
import { verifyVerdict } from "./verdict-signature.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-vendors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const verdict: Verdict = {
  verdict: 1,
  model: "jets",
  version: "1",
  artifact: "sha256:00",
  golden: { inputs: "sha256:01", outputs: "sha256:02" },
  reference: "given",
  equivalence: { class: { kind: "ulp", max: 4 } },
  device: { id: "u50-0", vendor: "xilinx", platform: "p", emulated: true },
  software: "beamgate",
  passed: true,
  rows: 3,
  outputs: [],
  batchInvariance: { invariant: true, cases: [] },
  at: "2026-01-01T00:00:00.000Z",
  tookMs: 0.1,
};

describe("canonical JSON", () => {
  it("has sorted keys and ECMAScript's numbers, whatever the order of making", () => {
    expect(canonicalJson({ b: [1e21, 0.1, -0], a: { d: "µ\n", c: null } })).toBe(
      '{"a":{"c":null,"d":"µ\\n"},"b":[1e+21,0.1,0]}',
    );
  });

  it("is that of the value after it was written and parsed", () => {
    fc.assert(
      fc.property(fc.anything({ maxDepth: 4 }), (value) => {
        const json = JSON.stringify(value);
        fc.pre(json !== undefined && !json.includes("__proto__"));
        expect(canonicalJson(JSON.parse(json))).toBe(canonicalJson(value));
      }),
    );
  });
});

describe("the signing key of a vendor's registry", () => {
  const open = async (name: string) => new VendorKeys(await openFileStore(join(folder, name)));

  it("signs verdicts that can be checked with the public key, after they were stored", async () => {
    const keys = await open("sign");
    const signed = await keys.signVerdict("xilinx", { ...verdict, tookMs: Number.NaN });
    const { id, publicKey } = await keys.publicKey("xilinx");
    expect(signed.signature.keyId).toBe(id);
    expect(id).toMatch(/^ed25519:[0-9a-f]{16}$/);
    const stored = JSON.parse(JSON.stringify(signed));
    expect(verifyVerdict(stored, publicKey)).toBe(true);
    const other = { ...stored, verdict: { ...stored.verdict, passed: false } };
    expect(verifyVerdict(other, publicKey)).toBe(false);
    expect(verifyVerdict(stored, (await keys.publicKey("intel")).publicKey)).toBe(false);
    expect(verifyVerdict(stored, "no key")).toBe(false);
  });

  it("is the owner's alone, and the same in the next process", async () => {
    const first = await (await open("again")).publicKey("cpu");
    const path = join(folder, "again", "vendors", "cpu", "signing-key.pem");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, "utf8")).toContain("BEGIN PRIVATE KEY");
    expect(await (await open("again")).publicKey("cpu")).toEqual(first);
  });

  it("is one key, however many make it at once", async () => {
    const openings = await Promise.all(Array.from({ length: 8 }, () => open("race")));
    const ids = await Promise.all(openings.map(async (keys) => (await keys.publicKey("arm")).id));
    expect(new Set(ids).size).toBe(1);
  });

  it("that is damaged is not replaced by another", async () => {
    await (await open("bad")).publicKey("intel");
    await writeFile(join(folder, "bad", "vendors", "intel", "signing-key.pem"), "garbage");
    await expect((await open("bad")).publicKey("intel")).rejects.toMatchObject({
      code: "DATA_LOSS",
      message: expect.stringContaining("restore it from a backup"),
    });
  });
});
