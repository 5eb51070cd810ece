/** A value as people write it in a flag or an environment variable, as the schema wants it. */
import { parse } from "yaml";
import type { Key } from "./keys.ts";

/** Triton's booleans. undefined: neither. */
export function parseBoolean(written: string): boolean | undefined {
  const word = written.trim().toLowerCase();
  if (word === "true" || word === "1") return true;
  if (word === "false" || word === "0") return false;
  return undefined;
}

/**
 * What cannot be read is handed on as text: the schema then refuses it with the key's name.
 * @throws Error for a list that is not YAML.
 */
export function parseWritten(key: Key, written: string): unknown {
  switch (key.kind) {
    case "boolean":
      return parseBoolean(written) ?? written;
    case "number":
      return /^\s*[+-]?\d+(\.\d+)?\s*$/.test(written) ? Number(written) : written;
    case "list":
      if (written.trim() === "") return [];
      if (written.trimStart().startsWith("[")) return parse(written);
      return written.split(",").map((part) => part.trim());
    case "object-list":
      return parse(written);
    case "text":
      return written;
  }
}
