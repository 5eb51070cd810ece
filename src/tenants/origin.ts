/** What a connection brings along: it names its calls, unless they name themselves. */
import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Caller } from "../inference/caller.ts";
import { type DistinguishedName, nameText, readSubject } from "./distinguished-name.ts";

/** A certificate that the client has shown. */
export type PresentedCertificate =
  | {
      readonly name: DistinguishedName;
      /** ms since 1970 */
      readonly notAfter: number;
    }
  | { readonly refused: string };

/** Who the newest call of a connection turned out to be: the next one is mostly the same. */
export interface Recognised {
  readonly caller: Caller;
  /** Of what is configured; another one is looked at anew. */
  readonly generation: number;
  readonly authorization: string | undefined;
  readonly apiKey: string | undefined;
  /** ms since 1970 */
  readonly untilMs: number;
}

export interface Origin {
  readonly certificate: PresentedCertificate | undefined;
  /** Name of the listener that the connection came to, where it has one. */
  readonly listener: string | undefined;
  recognised: Recognised | undefined;
}

export function originOf(
  certificate: PresentedCertificate | undefined,
  listener: string | undefined,
): Origin {
  return { certificate, listener, recognised: undefined };
}

/** A name that clients call this server by in their TLS handshake (SNI), and the listener that it stands for. */
export interface ServerName {
  readonly name: string;
  readonly serverName?: string | undefined;
}

/** @param listener that the port itself is, where it is one */
export function originOfSocket(
  socket: Socket,
  names: readonly ServerName[] = [],
  listener?: string,
): Origin {
  if (!(socket instanceof TLSSocket)) return originOf(undefined, listener);
  // Of a client that names no server this is `false`.
  const called = socket.servername as string | false;
  const named = names.find(({ serverName }) => called !== false && serverName === called);
  return originOf(certificateOf(socket), listener ?? named?.name);
}

/** undefined: the client showed none. */
function certificateOf(socket: TLSSocket): PresentedCertificate | undefined {
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  const reason = socket.authorized ? undefined : String(socket.authorizationError);
  return presented(shown, reason);
}

/** @param untrusted why it does not lead to an authority that counts; undefined: it does */
export function presented(
  certificate: X509Certificate,
  untrusted: string | undefined,
): PresentedCertificate {
  // Of a certificate that names nobody Node has no subject at all, whatever its type says.
  const { subject = "", issuer = "" } = certificate as Partial<X509Certificate>;
  if (isProxy(certificate.raw, subject, issuer)) {
    return {
      refused:
        `the certificate '${shown(subject)}' is a proxy (RFC 3820), which this gateway does not take. ` +
        "Show the certificate that it was made from, or a token",
    };
  }
  if (untrusted !== undefined) {
    const why = certificateReason(untrusted);
    return { refused: `the certificate '${shown(subject)}' is not accepted: ${why}` };
  }
  const name = readSubject(subject);
  if (name === undefined || name.length === 0) {
    const text = `the certificate '${shown(subject)}' has no name that can be compared`;
    return { refused: text };
  }
  return { name, notAfter: Date.parse(certificate.validTo) };
}

/** In words. @param code of OpenSSL, as Node's `authorizationError` has it */
export function certificateReason(code: string): string {
  return REASONS[code] ?? code;
}

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself",
  UNABLE_TO_GET_ISSUER_CERT: "no authority of this gateway has signed it",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "no authority of this gateway has signed it",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "no authority of this gateway has signed it",
  INVALID_PURPOSE: "it is not for clients",
};

/** DER of 1.3.6.1.5.5.7.1.14, proxyCertInfo. */
const PROXY_INFO = Buffer.from([0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x0e]);

/** Also those from before the RFC: the name of who signed it, and one CN more. */
function isProxy(raw: Buffer, subject: string, issuer: string): boolean {
  if (raw.includes(PROXY_INFO)) return true;
  if (!subject.startsWith(`${issuer}\n`)) return false;
  return /^CN=(proxy|limited proxy|\d+)$/.test(subject.slice(issuer.length + 1));
}

function shown(subject: string): string {
  if (subject === "") return "without a name";
  const name = readSubject(subject);
  return name === undefined ? subject.replaceAll("\n", ", ") : nameText(name);
}
