/** The keys of the schema as a flat list: what flags, environment and `config check` go by. */
import { z } from "zod";
import { configSchema, type KeyNotes } from "./schema.ts";

/** How a key's value is written in a flag or an environment variable. */
export type KeyKind = "boolean" | "number" | "text" | "list" | "object-list";

export interface Key extends KeyNotes {
  /** `grpc.tls.certPath` */
  readonly name: string;
  readonly kind: KeyKind;
  readonly meaning: string;
  /** The words allowed, where there are few. */
  readonly choices?: readonly string[];
}

/** The type below defaults and optionality. */
function bare(type: z.core.$ZodType): z.core.$ZodType {
  let inner = type;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.unwrap();
  }
  return inner;
}

function kindOf(type: z.core.$ZodType): KeyKind {
  if (type instanceof z.ZodBoolean) return "boolean";
  if (type instanceof z.ZodNumber) return "number";
  if (type instanceof z.ZodArray) {
    return bare(type.element) instanceof z.ZodObject ? "object-list" : "list";
  }
  return "text";
}

function collect(object: z.ZodObject, prefix: string, into: Key[], sections: string[]): void {
  for (const [part, type] of Object.entries(object.shape)) {
    const name = prefix + part;
    const inner = bare(type);
    if (inner instanceof z.ZodObject) {
      sections.push(name);
      collect(inner, `${name}.`, into, sections);
      continue;
    }
    const { description, unit, path, secret, defaultText } = (z.globalRegistry.get(type) ??
      {}) as KeyNotes & { readonly description?: string };
    into.push({
      name,
      kind: kindOf(inner),
      meaning: description ?? "",
      ...(inner instanceof z.ZodEnum ? { choices: inner.options.map(String) } : {}),
      ...(unit === undefined ? {} : { unit }),
      ...(path === undefined ? {} : { path }),
      ...(secret === undefined ? {} : { secret }),
      ...(defaultText === undefined ? {} : { defaultText }),
    });
  }
}

const keyList: Key[] = [];
const sectionList: string[] = [];
collect(configSchema, "", keyList, sectionList);

/** In the order of the schema. */
export const keys: ReadonlyMap<string, Key> = new Map(keyList.map((key) => [key.name, key]));

/** Names that hold keys: `grpc`, `grpc.tls`, ... */
export const sections: ReadonlySet<string> = new Set(sectionList);
