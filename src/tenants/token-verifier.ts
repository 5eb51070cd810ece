/** Tokens of the configured issuers: whose they are and what they say, or why they do not count. */
import { decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import { StatusError } from "../errors.ts";
import { type Claims, readClaims } from "./claims.ts";
import type { KeySet } from "./key-set.ts";
import type { Issuer } from "./tenants-file.ts";

/** Neither `none`, nor a shared secret that is a public key in truth. */
const ALGORITHMS = ["RS256", "ES256"];
const SKEW_S = 60;
/** The end of the year 9999, s since 1970. */
const LATEST_S = 253_402_300_799;
/** Longer ones are no tokens. */
const LONGEST = 16 * 1024;
/** StringOrURI of OpenID Connect is 255 ASCII characters at most; others count one character by one. */
const LONGEST_SUBJECT = 255;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/u;
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
const ANY_AUDIENCE = "https://wlcg.cern.ch/jwt/v1/any";
const REQUIRED = {
  wlcg: ["sub", "iss", "exp", "aud", "iat", "jti", "wlcg.ver"],
  iam: ["sub", "iss", "exp", "aud"],
} as const;

export interface VerifiedToken {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: Claims;
  /** ms since 1970, the tolerated skew included. */
  readonly untilMs: number;
}

/**
 * @param keySets by the address of their issuer. @param nowMs since 1970
 * @throws StatusError UNAUTHENTICATED saying what is wrong and never the token; UNAVAILABLE where the issuer's keys cannot be had
 */
export async function verifyToken(
  token: string,
  keySets: ReadonlyMap<string, KeySet>,
  nowMs: number,
): Promise<VerifiedToken> {
  if (token.length > LONGEST || !COMPACT.test(token)) throw refused("it is no signed JWT");
  const keySet = keySets.get(issuerIn(token));
  if (keySet === undefined) {
    throw refused(
      `its issuer is none that this gateway trusts (${[...keySets.keys()].join(", ")})`,
    );
  }
  const { issuer } = keySet;
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, keySet.find, {
      algorithms: ALGORITHMS,
      issuer: issuer.url,
      audience: audiencesOf(issuer),
      clockTolerance: SKEW_S,
      currentDate: new Date(nowMs),
      requiredClaims: [...REQUIRED[issuer.profile]],
    }));
  } catch (cause) {
    if (cause instanceof StatusError) throw cause;
    throw refused(reasonOf(cause, issuer), cause);
  }
  const { sub, exp = 0, iat } = payload;
  // JSON has 1e400, which is for ever.
  if (exp > LATEST_S) throw refused("its claim exp is wrong");
  if (iat !== undefined && iat > nowMs / 1000 + SKEW_S)
    throw refused("it was issued in the future");
  if (issuer.profile === "wlcg") requireVersion(payload["wlcg.ver"]);
  if (typeof sub !== "string" || sub === "") throw refused("its subject is no text");
  // It stands in lines of the log, in the audit and in refusals.
  if (sub.length > LONGEST_SUBJECT || CONTROL.test(sub)) throw refused("its subject is no name");
  return {
    issuer: issuer.name,
    subject: `${issuer.url} ${sub}`,
    claims: readClaims(issuer.profile, payload),
    untilMs: (exp + SKEW_S) * 1000,
  };
}

/** Of a token that nobody has verified yet: it chooses among the configured ones, no more. */
function issuerIn(token: string): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch (cause) {
    throw refused("it is no signed JWT", cause);
  }
}

function audiencesOf({ profile, audiences }: Issuer): string[] {
  return profile === "wlcg" ? [...audiences, ANY_AUDIENCE] : [...audiences];
}

/** A newer minor version adds claims; a newer major one may change what they mean. */
function requireVersion(version: unknown): void {
  if (typeof version === "string" && /^1\.\d+$/.test(version)) return;
  throw refused("its wlcg.ver is not 1.x");
}

function reasonOf(cause: unknown, { name, audiences }: Issuer): string {
  if (cause instanceof errors.JWTExpired) return "it has expired";
  if (cause instanceof errors.JOSEAlgNotAllowed) return `only ${ALGORITHMS.join(" and ")} count`;
  if (cause instanceof errors.JWKSNoMatchingKey) return `issuer ${name} has no such key`;
  if (cause instanceof errors.JWTClaimValidationFailed) {
    if (cause.claim === "aud") return `it is for somebody else; ask for ${audiences.join(" or ")}`;
    if (cause.claim === "nbf" && cause.reason === "check_failed") return "it is not valid yet";
    return `its claim ${cause.claim} is ${cause.reason === "missing" ? "missing" : "wrong"}`;
  }
  if (cause instanceof errors.JWSSignatureVerificationFailed) return "its signature is wrong";
  return "it cannot be verified";
}

function refused(reason: string, cause?: unknown): StatusError {
  return new StatusError("UNAUTHENTICATED", `the token is not accepted: ${reason}`, { cause });
}
