/**
 * Names of certificates, and patterns of them, in both forms that OpenSSL writes:
 * `/DC=ch/DC=cern/CN=x`, from the root down, and `CN=x,DC=cern,DC=ch` (RFC 2253), from the leaf up.
 */
import { matchesPattern } from "../inference/name-pattern.ts";

/** One step of a name: `CN=x`. */
export interface NamePart {
  /** In upper case, e.g. `CN`. */
  readonly type: string;
  readonly value: string;
}

/** From the root down. */
export type DistinguishedName = readonly NamePart[];

export interface NamePattern {
  /** As it was written. */
  readonly text: string;
  /** Values with `*` for any characters; a star never reaches beyond its own part. */
  readonly parts: DistinguishedName;
  /** The pattern ends with a part `*`: any further parts may follow. */
  readonly open: boolean;
}

/** A part begins here, in the form with slashes: a value may hold a slash of its own (`CN=host/gate.cern.ch`). */
const SLASHED_PART = /\/(?=(?:[A-Za-z][A-Za-z0-9.-]*|\d+(?:\.\d+)+)=|\*$)/;
const PART = /^\s*([A-Za-z][A-Za-z0-9.-]*|\d+(?:\.\d+)+)=(.*)$/s;
/** One attribute has several names. */
const TYPES: Readonly<Record<string, string>> = { E: "EMAILADDRESS", EMAIL: "EMAILADDRESS" };

/** @throws Error naming what was expected */
export function readNamePattern(text: string): NamePattern {
  const slashed = text.startsWith("/");
  const written = slashed
    ? text.slice(1).split(SLASHED_PART)
    : splitUnescaped(text, ",")
        .map((part) => part.trim())
        .reverse();
  const open = written.length > 1 && written.at(-1) === "*";
  const parts = (open ? written.slice(0, -1) : written).map((part) => readPart(part, !slashed));
  if (parts.every((part) => part !== undefined)) return { text, parts, open };
  throw new Error(
    `certificate '${text}' is no name: expected /DC=org/DC=example/CN=* or CN=*,DC=example,DC=org`,
  );
}

/**
 * @param subject as Node's `X509Certificate` has it: a line a part, escaped as RFC 2253 says
 * @returns undefined for one with several attributes in one part: what is rare and ambiguous belongs to nobody
 */
export function readSubject(subject: string): DistinguishedName | undefined {
  const lines = subject.split("\n").filter((line) => line !== "");
  const parts = lines.map((line) =>
    splitUnescaped(line, "+").length > 1 ? undefined : readPart(line, true),
  );
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

/** `/DC=ch/DC=cern/CN=x` */
export function nameText(name: DistinguishedName): string {
  return name.map(({ type, value }) => `/${type}=${value}`).join("");
}

export function matchesName({ parts, open }: NamePattern, name: DistinguishedName): boolean {
  if (open ? name.length < parts.length : name.length !== parts.length) return false;
  return parts.every((part, at) => {
    const own = name[at];
    return own !== undefined && own.type === part.type && matchesPattern(part.value, own.value);
  });
}

function readPart(text: string, escaped: boolean): NamePart | undefined {
  const [, type = "", value = ""] = PART.exec(text) ?? [];
  if (type === "" || value === "") return undefined;
  const upper = type.toUpperCase();
  return { type: TYPES[upper] ?? upper, value: escaped ? unescaped(value) : value };
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts = [""];
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === separator) parts.push("");
    else parts[parts.length - 1] += char === "\\" ? char + text.charAt(++at) : char;
  }
  return parts;
}

/** `\,` is a comma, `\0A` the byte 10. */
function unescaped(text: string): string {
  return text.replace(/\\([0-9A-Fa-f]{2}|.)/gs, (_, code: string) =>
    code.length === 2 ? String.fromCharCode(Number.parseInt(code, 16)) : code,
  );
}
