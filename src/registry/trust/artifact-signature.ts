/**
 * Signatures of artifacts: by whoever built them, so that a gateway serves nothing else.
 *
 * What is signed are the bytes of three lines: `beamgate artifact v1`, the artifact's digest as
 * `sha256:<64 hexadecimal digits>`, and the vendor; each ends with a line feed. The signature is Ed25519, in base64.
 * With openssl alone:
 *
 *     openssl genpkey -algorithm ed25519 -out key.pem
 *     openssl pkey -in key.pem -pubout -out key.pub            # goes into the gateway's trust file
 *     printf 'beamgate artifact v1\nsha256:%s\nxilinx\n' "$(sha256sum < model.xclbin | cut -c1-64)" > statement
 *     openssl pkeyutl -sign -rawin -inkey key.pem -in statement | base64 -w0
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { StatusError } from "../../errors.ts";
import type { Digest, Vendor } from "../catalog/types.ts";

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function artifactStatement(digest: Digest, vendor: Vendor): Buffer {
  return Buffer.from(`beamgate artifact v1\n${digest}\n${vendor}\n`);
}

export interface KeyPair {
  /** PKCS #8 PEM: for the eyes of its owner. */
  readonly privateKey: string;
  /** SPKI PEM, for trust files. */
  readonly publicKey: string;
}

export function newKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

/**
 * @returns the signature, base64
 * @throws StatusError INVALID_ARGUMENT for what is no Ed25519 key, or no digest
 */
export function signArtifact(privateKeyPem: string, digest: Digest, vendor: Vendor): string {
  if (!DIGEST.test(digest)) {
    throw invalid(`'${digest}' is no digest, expected sha256:<64 hexadecimal digits>`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(privateKeyPem);
  } catch (cause) {
    throw invalid("the private key cannot be read, expected PEM without a passphrase", cause);
  }
  checkKind(key);
  return sign(null, artifactStatement(digest, vendor), key).toString("base64");
}

/** @throws StatusError INVALID_ARGUMENT for what is no Ed25519 key in PEM */
export function readPublicKey(pem: string): KeyObject {
  // `createPublicKey` takes a private one, too: nobody should keep that in a trust file.
  if (/PRIVATE KEY-----/.test(pem)) {
    throw invalid(
      "it is a private key, expected the public one (openssl pkey -in key.pem -pubout)",
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw invalid(
      "the public key cannot be read, expected PEM (-----BEGIN PUBLIC KEY-----)",
      cause,
    );
  }
  checkKind(key);
  return key;
}

export function isSignatureOf(
  value: string,
  digest: Digest,
  vendor: Vendor,
  publicKey: KeyObject,
): boolean {
  const bytes = Buffer.from(value.trim(), "base64");
  return verify(null, artifactStatement(digest, vendor), publicKey, bytes);
}

function checkKind({ asymmetricKeyType: kind }: KeyObject): void {
  if (kind === "ed25519") return;
  throw invalid(`the key is ${kind}, expected ed25519 (openssl genpkey -algorithm ed25519)`);
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}
