/** Certificate, key and authorities of a port: read from their files, and looked at before they count. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { StatusError } from "../../errors.ts";

export interface TlsOptions {
  /** PEM files. */
  readonly certPath: string;
  readonly keyPath: string;
  /** Authorities whose client certificates are accepted; needed with `mutual`. */
  readonly rootCertPath?: string;
  /** Clients without a valid certificate are refused in the handshake. */
  readonly mutual: boolean;
  /** A certificate is asked for, and may be missing or wrong: the gate says what that means. */
  readonly optional?: boolean;
}

/** What a secure context is made of. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** A file that cannot be used. Its message is cause, place and remedy in one. */
export class TlsFileError extends StatusError {
  readonly found: string;
  readonly remedy: string;

  constructor(found: string, remedy: string, cause?: unknown) {
    super("FAILED_PRECONDITION", `${found}; ${remedy}`, { cause });
    this.found = found;
    this.remedy = remedy;
  }
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * What Node's TLS servers are told of a port, beside its files.
 * @param protocols as ALPN names them
 */
export function handshakeRules({ mutual, optional = false }: TlsOptions, protocols: string[]) {
  return {
    requestCert: mutual || optional,
    rejectUnauthorized: mutual,
    ALPNProtocols: protocols,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}

/**
 * @param section of the configuration, for messages: `grpc.tls`
 * @throws TlsFileError for a file that cannot be read, holds something else, or does not fit the others
 */
export function readTls(
  { certPath, keyPath, rootCertPath }: TlsOptions,
  section: string,
): TlsMaterial {
  const cert = readPem(certPath, `${section}.certPath`);
  const key = readPem(keyPath, `${section}.keyPath`);
  const own = firstCertificate(cert, certPath, `${section}.certPath`);
  const keyObject = privateKey(key, keyPath, `${section}.keyPath`);
  if (!own.checkPrivateKey(keyObject)) {
    throw new TlsFileError(
      `the key '${keyPath}' is not that of the certificate '${certPath}'`,
      `name the two that were made together (${section}.certPath, ${section}.keyPath), the server's own certificate first in its file`,
    );
  }
  const ca =
    rootCertPath === undefined ? undefined : readPem(rootCertPath, `${section}.rootCertPath`);
  if (ca !== undefined) firstCertificate(ca, rootCertPath ?? "", `${section}.rootCertPath`);
  const material = { cert, key, ...(ca && { ca }) };
  try {
    createSecureContext(material);
  } catch (cause) {
    throw new TlsFileError(
      `OpenSSL does not take the files of ${section}: ${reasonOf(cause)}`,
      "make a certificate of today's strength, such as ECDSA on P-256",
      cause,
    );
  }
  return material;
}

/** Why clients will refuse this certificate of ours now; undefined: it is within its time. @param nowMs since 1970 */
export function outOfTime({ cert }: TlsMaterial, nowMs: number): string | undefined {
  const { validFrom, validTo } = new X509Certificate(cert);
  if (nowMs > Date.parse(validTo)) return `it has expired on ${dayOf(validTo)}`;
  if (nowMs < Date.parse(validFrom)) return `it is not valid before ${dayOf(validFrom)}`;
  return undefined;
}

function dayOf(time: string): string {
  return new Date(time).toISOString().slice(0, 10);
}

function readPem(path: string, key: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TlsFileError(
      `'${path}' cannot be read: ${reasonOf(cause)}`,
      `name a PEM file that this user may read (${key})`,
      cause,
    );
  }
}

function firstCertificate(pem: Buffer, path: string, key: string): X509Certificate {
  try {
    if (!pem.includes("-----BEGIN CERTIFICATE-----")) throw new Error("there is none in it");
    return new X509Certificate(pem);
  } catch (cause) {
    throw new TlsFileError(
      `'${path}' holds no certificate: ${reasonOf(cause)}`,
      `name a file with certificates in PEM, '-----BEGIN CERTIFICATE-----' (${key})`,
      cause,
    );
  }
}

function privateKey(pem: Buffer, path: string, key: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const encrypted = pem.includes("ENCRYPTED");
    throw new TlsFileError(
      encrypted
        ? `the key '${path}' is encrypted, and nobody can be asked for its password`
        : `'${path}' holds no private key: ${reasonOf(cause)}`,
      encrypted
        ? `write it without one ('openssl pkey'), readable for this user only (${key})`
        : `name a file with the private key in PEM (${key})`,
      cause,
    );
  }
}

/** Of a file, the system's words without its path, which the sentence has already. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return /^[A-Z]+: ([^,]+),/.exec(text)?.[1] ?? text;
}
