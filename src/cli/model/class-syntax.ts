/**
 * The class in which an artifact promises to compute the same, as it is typed:
 *
 *     bit-exact    ulp:4    abs:0.02    rel:1e-3    abs:0.02,rel:1e-3    fixed:16,1,2    @class.yaml
 *
 * and the same for one output behind its name: `scores=abs:0.02`.
 */
import { readEquivalence } from "../../http/registry/read-equivalence.ts";
import type { Equivalence, EquivalenceClass } from "../../policy/equivalence/types.ts";
import { CliError, Exit } from "../io.ts";
import { readSmallFile } from "./read-file.ts";

export const CLASS_FORMS =
  "bit-exact, ulp:4, abs:0.02, rel:1e-3, abs:0.02,rel:1e-3, fixed:16,1,2 (bits, integer bits, " +
  "LSBs), @FILE with JSON or YAML (for physics), or one of these behind OUTPUT=";

/** @throws CliError that tells the forms */
export async function parseEquivalence(written: readonly string[]): Promise<Equivalence> {
  let whole: Equivalence | undefined;
  const outputs: Record<string, EquivalenceClass> = {};
  for (const each of written) {
    const [, output, form = each] = /^([^@=]+)=(.*)$/s.exec(each) ?? [];
    const read = await parseOne(form);
    if (output !== undefined) outputs[output] = read.class;
    else if (whole === undefined) whole = read;
    else throw wrong(each, "there is a class for the whole artifact already");
  }
  if (whole === undefined) throw wrong(written.join(" "), "it says nothing of the other outputs");
  const all = { ...whole.outputs, ...outputs };
  return Object.keys(all).length === 0
    ? { class: whole.class }
    : { class: whole.class, outputs: all };
}

async function parseOne(form: string): Promise<Equivalence> {
  if (form.startsWith("@")) return fromFile(form.slice(1));
  if (form === "bit-exact") return { class: { kind: "bit-exact" } };
  const [kind = "", ...more] = form.split(":");
  const rest = more.join(":");
  if (kind === "ulp") return { class: { kind: "ulp", max: notNegative(rest, form) } };
  if (kind === "fixed") {
    const [w, i, lsb, ...others] = rest.split(",").map((part) => parsed(part, form));
    if (w === undefined || i === undefined || lsb === undefined || others.length > 0) {
      throw wrong(form, "it wants three numbers");
    }
    return { class: { kind: "fixed-point", w, i, lsb } };
  }
  if (kind === "abs" || kind === "rel") return { class: tolerances(form) };
  throw wrong(form, "unknown");
}

function tolerances(form: string): EquivalenceClass {
  const limits = new Map<string, number>();
  for (const part of form.split(",")) {
    const [, name, value] = /^(abs|rel):(.+)$/.exec(part) ?? [];
    if (name === undefined || value === undefined || limits.has(name)) throw wrong(form, part);
    limits.set(name, notNegative(value, form));
  }
  return { kind: "abs-rel", abs: limits.get("abs") ?? 0, rel: limits.get("rel") ?? 0 };
}

function parsed(text: string, form: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw wrong(form, `'${text}' is no number`);
}

function notNegative(text: string, form: string): number {
  const value = parsed(text, form);
  if (value >= 0) return value;
  throw wrong(form, `${text} is below 0`);
}

/** The whole of it (`class`, `outputs`), or one class (`kind`, …). */
async function fromFile(path: string): Promise<Equivalence> {
  const text = await readSmallFile(path, "the class");
  const { parse } = await import("yaml");
  try {
    const value: unknown = parse(text, { maxAliasCount: 0 });
    const whole = typeof value === "object" && value !== null && "kind" in value;
    return readEquivalence(whole ? { class: value } : value, "class");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError(Exit.usage, `${path} holds no class: ${reason}`, { cause });
  }
}

function wrong(written: string, reason: string): CliError {
  return new CliError(Exit.usage, `--class ${written}: ${reason}; the forms are ${CLASS_FORMS}`);
}

export function classText(judged: EquivalenceClass): string {
  switch (judged.kind) {
    case "bit-exact":
      return "bit-exact";
    case "ulp":
      return `ulp:${judged.max}`;
    case "abs-rel":
      return `abs:${judged.abs},rel:${judged.rel}`;
    case "fixed-point":
      return `fixed:${judged.w},${judged.i},${judged.lsb}`;
    case "physics":
      return `physics on ${judged.output} at ${judged.threshold}`;
    default:
      return String((judged as { readonly kind?: unknown }).kind);
  }
}
