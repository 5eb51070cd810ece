/** What every change of the registry says: which artifact, from which generation, and who. */
import type { FastifyRequest } from "fastify";
import type { ArtifactName, Since } from "../../registry/catalog/registry.ts";
import { callerOfRequest } from "../caller.ts";
import type { JsonObject } from "../json-value.ts";
import {
  asDigest,
  asGeneration,
  asText,
  asVersion,
  invalid,
  optional,
  refuseUnknown,
} from "./read-fields.ts";

const LONGEST_NAME = 128;
const NAMING = ["version", "vendor", "digest"] as const;

/** Members of the body of a change, beside its own. */
export const COMMON = ["who", "generation"] as const;

/**
 * Whoever was recognised; where nobody was, the log shall say so, whatever name the client gives itself.
 * @throws StatusError INVALID_ARGUMENT for a name that is none
 */
export function whoOf(request: FastifyRequest, who: unknown): string {
  const address = request.ip;
  const plain = typeof who === "string" && who !== "" && who.length <= LONGEST_NAME;
  if (who !== undefined && (!plain || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(who))) {
    throw invalid("who", `a name of at most ${LONGEST_NAME} characters`);
  }
  const caller = callerOfRequest(request);
  if (caller !== undefined && caller.how !== "anonymous") return caller.subject;
  return who === undefined ? `unverified:${address}` : `unverified:${who}@${address}`;
}

/**
 * From `If-Match: "12"` or the member `generation`, which have to agree.
 * @throws StatusError INVALID_ARGUMENT
 */
export function sinceOf(request: FastifyRequest, given: JsonObject): Since {
  const told = optional(given, "generation", asGeneration);
  const header = request.headers["if-match"];
  if (header === undefined || header === "*") return told === undefined ? {} : { generation: told };
  const [, digits] = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header) ?? [];
  const matched = asGeneration(digits === undefined ? undefined : Number(digits), "If-Match");
  if (told !== undefined && told !== matched) {
    throw invalid("generation", `what If-Match says (${matched}), or only one of the two`);
  }
  return { generation: matched };
}

/** @param own members that this change has besides */
export function artifactOf(name: string, given: JsonObject, own: readonly string[]): ArtifactName {
  refuseUnknown(given, [...NAMING, ...COMMON, ...own]);
  const version = optional(given, "version", asVersion);
  const vendor = optional(given, "vendor", asText);
  const digest = optional(given, "digest", asDigest);
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(vendor === undefined ? {} : { vendor }),
    ...(digest === undefined ? {} : { digest }),
  };
}
