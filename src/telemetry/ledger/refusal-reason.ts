/** Why the line refused a request, in a word of the ledger. */
import type { CodeName } from "../../errors.ts";

const WORDS: Partial<Record<CodeName, string>> = {
  INVALID_ARGUMENT: "invalid",
  NOT_FOUND: "unknown-model",
  UNAVAILABLE: "unavailable",
  FAILED_PRECONDITION: "not-as-pinned",
  PERMISSION_DENIED: "not-permitted",
  DEADLINE_EXCEEDED: "deadline",
};

export const refusalReason = (code: CodeName): string => WORDS[code] ?? "other";
