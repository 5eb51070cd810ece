/** Whom a gateway takes a caller for, as it tells him. */
import type { Caller, Role } from "./caller.ts";

export interface WhoReport {
  /** False where the gateway knows no tenants, and anybody may do everything. */
  readonly asked: boolean;
  /** A certificate's name, a token's issuer and subject, `key:NAME`, `listener:NAME`. */
  readonly subject: string;
  /** What named him. */
  readonly how: Caller["how"];
  readonly tenant: string;
  readonly roles: readonly Role[];
  /** Names of models that he may use, `*` stands for any characters. */
  readonly models: readonly string[];
}
