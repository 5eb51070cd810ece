import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { artifactStatement, newKeyPair, signArtifact } from "./artifact-signature.ts";
import { Trust } from "./trust.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-trust-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DIGEST = `sha256:${"ab".repeat(32)}`;
const alice = newKeyPair();
const NOW = Date.parse("2026-06-01T00:00:00Z");

let files = 0;
function trust(content: unknown): { readonly trust: Trust; readonly path: string } {
  const path = join(folder, `trust-${files++}.yaml`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return { trust: new Trust(path, () => NOW), path };
}

const entry = { id: "alice", publicKey: alice.publicKey, vendors: ["xilinx"] };
const signed = (value = signArtifact(alice.privateKey, DIGEST, "xilinx"), keyId = "alice") =>
  ({ digest: DIGEST, vendor: "xilinx", signature: { keyId, value } }) as const;

describe("a signature of an artifact", () => {
  it("by a key of the trust file counts", async () => {
    await expect(trust([entry]).trust.verify(signed())).resolves.toMatchObject({ id: "alice" });
    await expect(trust({ keys: [entry] }).trust.verify(signed())).resolves.toBeDefined();
  });

  const refused: [string, object, Parameters<Trust["verify"]>[0], RegExp][] = [
    ["by an unknown key", {}, signed(undefined, "bob"), /key 'bob' is unknown: known are 'alice'/],
    [
      "by an expired key",
      { notAfter: "2026-05-31T00:00:00Z" },
      signed(),
      /has expired at 2026-05-31/,
    ],
    [
      "by a key of the future",
      { notBefore: "2027-01-01" },
      signed(),
      /not valid before 2027-01-01/,
    ],
    [
      "by a key of another vendor",
      { vendors: ["intel", "arm"] },
      signed(),
      /is for intel, arm, not for xilinx/,
    ],
    [
      "of other bytes",
      {},
      { ...signed(), digest: `sha256:${"cd".repeat(32)}` },
      /not one by key 'alice'/,
    ],
    [
      "for another vendor",
      { vendors: ["xilinx", "intel"] },
      { ...signed(), vendor: "intel" },
      /not one by key/,
    ],
    ["that is no base64", {}, signed("%%%"), /not one by key 'alice'/],
  ];
  it.each(refused)("%s is refused, and says so", async (_, changes, given, reason) => {
    await expect(trust([{ ...entry, ...changes }]).trust.verify(given)).rejects.toThrow(reason);
  });

  it("counts for nothing without a trust file", async () => {
    const none = new Trust(undefined);
    expect(none.configured).toBe(false);
    await expect(none.verify(signed())).rejects.toThrow("key 'alice' is unknown: there is none");
  });
});

describe("the trust file", () => {
  it("is read again when it changes", async () => {
    const { trust: one, path } = trust([entry]);
    await one.verify(signed());
    writeFileSync(path, JSON.stringify([]));
    utimesSync(path, 1, 1);
    await expect(one.verify(signed())).rejects.toThrow(/unknown/);
  });

  it("may name files with keys, beside it, and be YAML", async () => {
    writeFileSync(join(folder, "alice.pub"), alice.publicKey);
    const yaml =
      "- id: alice\n  publicKey: alice.pub\n  vendors: [xilinx, cpu]\n  notAfter: 2030-01-01\n";
    await expect(trust(yaml).trust.verify(signed())).resolves.toBeDefined();
  });

  const broken: [string, unknown, RegExp][] = [
    ["two keys of one name", [entry, entry], /two keys are called 'alice'/],
    [
      "a private key",
      [{ ...entry, publicKey: alice.privateKey }],
      /key 'alice': it is a private key/,
    ],
    [
      "a key of another kind",
      [{ ...entry, publicKey: rsaKey() }],
      /the key is rsa, expected ed25519/,
    ],
    ["an unknown vendor", [{ ...entry, vendors: ["amd"] }], /0\.vendors\.0: /],
    ["an unknown field", { keys: [{ ...entry, level: 3 }] }, /keys\.0: .*level/],
    ["a time that is none", [{ ...entry, notAfter: "soon" }], /0\.notAfter: expected a time/],
    [
      "a key file that is missing",
      [{ ...entry, publicKey: "nobody.pub" }],
      /key 'alice': .*ENOENT/,
    ],
    ["broken YAML", "[", /the trust file '.*' cannot be used/],
  ];
  it.each(broken)("with %s is refused with the place", async (_, content, reason) => {
    const verifying = trust(content).trust.verify(signed());
    await expect(verifying).rejects.toThrow(reason);
    await expect(verifying).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
  });
});

describe("signing", () => {
  it("says what is wrong with a key or a digest", () => {
    expect(() => signArtifact("nonsense", DIGEST, "cpu")).toThrow(/expected PEM/);
    expect(() => signArtifact(alice.privateKey, "abc", "cpu")).toThrow(/'abc' is no digest/);
  });

  it.skipIf(!hasOpenssl())(
    "with openssl alone gives what counts here (openssl needed, else skipped)",
    async () => {
      const at = (name: string) => join(folder, name);
      const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "pipe" });
      openssl("genpkey", "-algorithm", "ed25519", "-out", at("key.pem"));
      openssl("pkey", "-in", at("key.pem"), "-pubout", "-out", at("key.pub"));
      writeFileSync(at("statement"), artifactStatement(DIGEST, "xilinx"));
      const value = openssl(
        "pkeyutl",
        "-sign",
        "-rawin",
        "-inkey",
        at("key.pem"),
        "-in",
        at("statement"),
      );
      const publicKey = readFileSync(at("key.pub"), "utf8");
      const { trust: one } = trust([{ ...entry, publicKey }]);
      await expect(one.verify(signed(value.toString("base64")))).resolves.toBeDefined();
      // And the other way round: the same key, the same bytes, the same signature.
      expect(signArtifact(readFileSync(at("key.pem"), "utf8"), DIGEST, "xilinx")).toBe(
        value.toString("base64"),
      );
    },
  );
});

function rsaKey(): string {
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}
