/**
 * `--grpc-restricted-protocol` and `--http-restricted-api`: which groups of RPCs
 * need a header. Written `<group>,<group>:<header>=<value>`; the value is a secret
 * and appears in no message.
 */

/** Triton's groups. */
export const RESTRICTED_GROUPS = [
  "health",
  "metadata",
  "inference",
  "shared-memory",
  "model-config",
  "model-repository",
  "statistics",
  "trace",
  "logging",
] as const;

export type RestrictedGroup = (typeof RESTRICTED_GROUPS)[number];

export interface RestrictedHeader {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

export interface ReadRestrictions {
  readonly headers: ReadonlyMap<RestrictedGroup, RestrictedHeader>;
  /** What is wrong, in Triton's words where it has some. */
  readonly problems: readonly string[];
}

const HEADER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * @param what as Triton's texts call it: `protocol` or `api`.
 * @param prefix of the header's name.
 */
export function readRestrictions(
  entries: readonly string[],
  what: "protocol" | "api",
  prefix: string,
): ReadRestrictions {
  const headers = new Map<RestrictedGroup, RestrictedHeader>();
  const problems: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const colon = entry.indexOf(":");
    const equals = entry.indexOf("=", colon + 1);
    const key = colon < 0 || equals < 0 ? "" : entry.slice(colon + 1, equals);
    const value = entry.slice(equals + 1);
    if (!HEADER.test(key) || value === "") {
      const form = "<group>,<group>,...:<header>=<value>";
      problems.push(`entry ${index + 1} does not have the form ${form}`);
      continue;
    }
    for (const group of entry.slice(0, colon).split(",")) {
      if (!isGroup(group)) {
        problems.push(
          `unknown restricted ${what} '${group}'; there are ${RESTRICTED_GROUPS.join(", ")}`,
        );
      } else if (headers.has(group)) {
        problems.push(
          `restricted ${what} '${group}' can not be specified in multiple config groups`,
        );
      } else {
        headers.set(group, { name: (prefix + key).toLowerCase(), value });
      }
    }
  }
  return { headers, problems };
}

function isGroup(name: string): name is RestrictedGroup {
  return (RESTRICTED_GROUPS as readonly string[]).includes(name);
}
