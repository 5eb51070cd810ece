/** Values of the configuration as they may be shown: in a description, and in the text of an error. */

export const REDACTED = "(redacted)";
/** Names under which options of backends hold what nobody else may read. */
const SECRET_NAME =
  /(password|passwd|passphrase|secret|token|credential|api_?-?key|private_?-?key|authorization|headers)/i;
/** `scheme://user:password@host`, where only the password is one. */
const IN_ADDRESS = /(:\/\/[^/?#\s@]*?:)[^/?#\s]*(?=@)/g;

/** A copy in which values under telling names, and passwords in addresses, are hidden, at any depth. */
export function redacted(value: unknown): unknown {
  if (typeof value === "string") return value.replace(IN_ADDRESS, `$1${REDACTED}`);
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET_NAME.test(name) ? REDACTED : redacted(inner),
    ]),
  );
}
