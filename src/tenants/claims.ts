/** What a verified token says its holder belongs to, and may do: WLCG's profile 1.x and INDIGO IAM's. */

export interface Claims {
  readonly groups: ReadonlySet<string>;
  readonly scopes: readonly Scope[];
}

interface Scope {
  readonly name: string;
  /** Without a slash at its end; empty for all. */
  readonly path: string;
}

/** Scopes that say what may be done; others only say what the token tells about its holder. */
const CAPABILITY = /^(storage|compute)\./;

export function readClaims(
  profile: "wlcg" | "iam",
  payload: Readonly<Record<string, unknown>>,
): Claims {
  const scopes = textsOf(payload["scope"]).flatMap(readScope);
  // WLCG 1.x: a token with capabilities speaks for those alone, whatever groups are in it.
  const capable = scopes.some(({ name }) => CAPABILITY.test(name));
  const groups = profile === "wlcg" ? payload["wlcg.groups"] : payload["groups"];
  return { scopes, groups: new Set(capable ? [] : listOf(groups).flatMap(groupOf)) };
}

/** @param needed a group with a slash in front: being in a part of it (`/cms/uscms`) is not being in it. */
export function inGroup({ groups }: Claims, needed: string): boolean {
  return groups.has(needed);
}

/** @param needed `compute.create`, or `storage.read:/cms/models`, which `storage.read:/cms` includes */
export function hasScope({ scopes }: Claims, needed: string): boolean {
  const [wanted] = readScope(needed);
  return (
    wanted !== undefined &&
    scopes.some(({ name, path }) => {
      if (name !== wanted.name) return false;
      return path === wanted.path || `${wanted.path}/`.startsWith(`${path}/`);
    })
  );
}

function readScope(text: string): Scope[] {
  const colon = text.indexOf(":/");
  const name = colon < 0 ? text : text.slice(0, colon);
  if (name === "") return [];
  // The profile wants a path with these: without one they allow nothing.
  if (colon < 0) return name.startsWith("storage.") ? [] : [{ name, path: "" }];
  const parts = text.slice(colon + 1).split("/");
  if (parts.some((part) => part === "." || part === "..")) return [];
  const path = parts.filter((part) => part !== "").map((part) => `/${part}`);
  return [{ name, path: path.join("") }];
}

function groupOf(group: string): string[] {
  if (group === "") return [];
  return [group.startsWith("/") ? group : `/${group}`];
}

function textsOf(claim: unknown): string[] {
  return typeof claim === "string" ? claim.split(" ").filter((word) => word !== "") : listOf(claim);
}

function listOf(claim: unknown): string[] {
  return Array.isArray(claim) ? claim.filter((entry) => typeof entry === "string") : [];
}
