import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Issued, TestAuthority } from "../../test/support/identity/authority.ts";
import { matchesName, nameText, readNamePattern, readSubject } from "./distinguished-name.ts";
import { presented } from "./origin.ts";

describe("a pattern of certificates' names", () => {
  const ALICE = "DC=ch\nDC=cern\nOU=cms\nCN=alice";
  it.each<[pattern: string, subject: string, fits: boolean]>([
    ["/DC=ch/DC=cern/OU=cms/CN=alice", ALICE, true],
    ["CN=alice,OU=cms,DC=cern,DC=ch", ALICE, true],
    ["CN=alice, OU=cms, DC=cern, DC=ch", ALICE, true],
    ["/DC=ch/DC=cern/OU=cms/CN=*", ALICE, true],
    ["CN=*,OU=cms,DC=cern,DC=ch", ALICE, true],
    ["/dc=ch/dc=cern/ou=cms/cn=*", ALICE, true],
    ["/DC=ch/DC=cern/OU=cms/CN=ali*", ALICE, true],
    ["/DC=ch/DC=cern/OU=cms/*", ALICE, true],
    ["/DC=ch/*", ALICE, true],
    ["/DC=ch/DC=cern/OU=cms/CN=alice/*", ALICE, true],
    ["/DC=ch/DC=cern/OU=cms/CN=bob", ALICE, false],
    ["/DC=ch/DC=cern/OU=cms/CN=Alice", ALICE, false],
    ["/DC=ch/DC=cern/OU=cms", ALICE, false],
    ["/DC=cern/OU=cms/CN=alice", ALICE, false],
    ["CN=alice,OU=cms,DC=ch,DC=cern", ALICE, false],
    ["/DC=ch/DC=cern/CN=*", ALICE, false],
    ["/DC=ch/DC=cern/OU=*/CN=*/CN=*", ALICE, false],
    // What somebody puts into his own name does not become a part of its own.
    ["/DC=ch/OU=cms/CN=x", "DC=ch\nOU=cms/CN=x", false],
    ["/DC=ch/OU=cms/CN=x", "DC=ch\nCN=OU=cms\\0ACN=x", false],
    ["CN=x,OU=cms", "CN=x\\,OU=cms", false],
    ["/CN=host/gate.cern.ch", "CN=host/gate.cern.ch", true],
    ["/DC=ch/CN=Robot: x, y", "DC=ch\nCN=Robot: x\\, y", true],
    ["CN=Robot: x\\, y,DC=ch", "DC=ch\nCN=Robot: x\\, y", true],
    ["/CN=a/emailAddress=a@cern.ch", "CN=a\nemailAddress=a@cern.ch", true],
    ["/CN=a/E=a@cern.ch", "CN=a\nemailAddress=a@cern.ch", true],
    ["/CN=*", "CN=a + UID=b", false],
  ])("%s, of %j: %s", (pattern, subject, fits) => {
    const name = readSubject(subject);
    expect(name !== undefined && matchesName(readNamePattern(pattern), name)).toBe(fits);
  });

  it.each(["", "*", "alice", "/", "/CN=", "CN=a,,DC=b", "//CN=a"])("'%s' is refused", (pattern) => {
    expect(() => readNamePattern(pattern)).toThrow("is no name: expected /DC=");
  });
});

describe("a certificate that a client shows", () => {
  let folder: string;
  let alice: Issued;
  let proxy: Issued;
  let legacy: Issued;
  let nameless: Issued;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "beamgate-certs-"));
    const authority = new TestAuthority(folder, "authority");
    alice = authority.issue("/DC=ch/DC=cern/OU=cms/CN=alice");
    proxy = authority.proxyOf(alice, "/DC=ch/DC=cern/OU=cms/CN=alice");
    nameless = authority.issue("/");
    const user = new TestAuthority(folder, "user");
    legacy = user.issue("/DC=ch/CN=user/CN=limited proxy");
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const shown = ({ cert }: Issued, untrusted?: string) =>
    presented(new X509Certificate(cert), untrusted);

  it("has its name from the root down, and an end", () => {
    const certificate = shown(alice);
    if ("refused" in certificate) throw new Error(certificate.refused);
    expect(nameText(certificate.name)).toBe("/DC=ch/DC=cern/OU=cms/CN=alice");
    expect(certificate.notAfter).toBeGreaterThan(Date.now());
  });

  // Node gives such a certificate no subject: reading one threw where nobody caught it.
  it("belongs to nobody where it names nobody, whoever has signed it", () => {
    expect(shown(nameless)).toMatchObject({
      refused: "the certificate 'without a name' has no name that can be compared",
    });
    expect(shown(nameless, "DEPTH_ZERO_SELF_SIGNED_CERT")).toMatchObject({
      refused: "the certificate 'without a name' is not accepted: it is signed by itself",
    });
  });

  it.each([
    [
      "a proxy",
      () => shown(proxy, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
      /CN=12345' is a proxy \(RFC 3820\).*Show the certificate/,
    ],
    ["a proxy that TLS took", () => shown(proxy), /is a proxy/],
    ["a proxy from before the RFC", () => shown(legacy), /CN=limited proxy' is a proxy/],
    [
      "an expired one",
      () => shown(alice, "CERT_HAS_EXPIRED"),
      /CN=alice' is not accepted: it has expired/,
    ],
    ["one of the future", () => shown(alice, "CERT_NOT_YET_VALID"), /not valid yet/],
    [
      "one of an unknown authority",
      () => shown(alice, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
      /no authority of this gateway/,
    ],
    ["one signed by itself", () => shown(alice, "DEPTH_ZERO_SELF_SIGNED_CERT"), /signed by itself/],
    ["one for servers", () => shown(alice, "INVALID_PURPOSE"), /not for clients/],
    ["one with another fault", () => shown(alice, "CERT_CHAIN_TOO_LONG"), /CERT_CHAIN_TOO_LONG/],
  ])("is refused: %s", (_what, present, reason) => {
    expect(present()).toMatchObject({ refused: expect.stringMatching(reason) });
  });
});
