/** Certificates for one test run, made by the `openssl` command in a temporary folder. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificates {
  readonly rootPath: string;
  readonly serverCertPath: string;
  readonly serverKeyPath: string;
  readonly root: Buffer;
  readonly clientCert: Buffer;
  readonly clientKey: Buffer;
  remove(): void;
}

/** @returns undefined where there is no `openssl`; says so. */
export function makeCertificates(): Certificates | undefined {
  const folder = mkdtempSync(join(tmpdir(), "beamgate-tls-"));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const signed = (name: string, subject: string, extensions: string) => {
    writeFileSync(path(`${name}.ext`), extensions);
    openssl(
      ...["req", ...newKey, "-keyout", path(`${name}.key`), "-out", path(`${name}.csr`)],
      ...["-subj", subject],
    );
    openssl(
      ...["x509", "-req", "-in", path(`${name}.csr`), "-out", path(`${name}.pem`), "-days", "2"],
      ...["-CA", path("root.pem"), "-CAkey", path("root.key"), "-CAcreateserial"],
      ...["-extfile", path(`${name}.ext`)],
    );
  };
  try {
    openssl(
      ...["req", "-x509", ...newKey, "-keyout", path("root.key"), "-out", path("root.pem")],
      ...["-subj", "/CN=beamgate test root", "-days", "2"],
    );
    signed("server", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1");
    signed("client", "/CN=physicist", "extendedKeyUsage=clientAuth");
  } catch (error) {
    rmSync(folder, { recursive: true });
    process.stderr.write(`TLS tests are skipped: no working openssl command (${error})\n`);
    return undefined;
  }
  return {
    rootPath: path("root.pem"),
    serverCertPath: path("server.pem"),
    serverKeyPath: path("server.key"),
    root: readFileSync(path("root.pem")),
    clientCert: readFileSync(path("client.pem")),
    clientKey: readFileSync(path("client.key")),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
