/** A header without which a group of RPCs or URLs does not answer (`--grpc-restricted-protocol`). */
import { timingSafeEqual } from "node:crypto";

/** Triton's groups. */
export type RestrictedGroup =
  | "health"
  | "metadata"
  | "inference"
  | "shared-memory"
  | "model-config"
  | "model-repository"
  | "statistics"
  | "trace"
  | "logging";

export interface RestrictedHeader {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

export type Restrictions = ReadonlyMap<RestrictedGroup, RestrictedHeader>;

/** Compares in a time that does not tell how much of a guess was right; its length may be told. */
export function carries(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  { name, value }: RestrictedHeader,
): boolean {
  const given = headers[name];
  if (typeof given !== "string") return false;
  const [left, right] = [Buffer.from(given), Buffer.from(value)];
  return left.length === right.length && timingSafeEqual(left, right);
}
