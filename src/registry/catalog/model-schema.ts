/** A record of the catalog as it must be to be used; what newer gateways have added stays in it. */
import { z } from "zod";
import { type CatalogModel, VENDORS } from "./types.ts";

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "expected sha256:<64 hexadecimal digits>");
const equivalence = z.looseObject({
  class: z.looseObject({ kind: z.string() }),
  outputs: z.record(z.string(), z.looseObject({ kind: z.string() })).optional(),
});
const alias = z.looseObject({ version: z.string(), weight: z.number().min(0).max(1).optional() });

const artifact = z.looseObject({
  digest,
  variant: z.string(),
  vendor: z.enum(VENDORS),
  backend: z.string(),
  platform: z.string(),
  format: z.string(),
  file: z.string(),
  sizeBytes: z.number().nonnegative(),
  numericClass: z.string(),
  manifest: z.looseObject({}).optional(),
  facts: z.record(z.string(), z.unknown()),
  equivalence: equivalence.optional(),
  checks: z.array(
    z.looseObject({
      check: z.string(),
      outcome: z.enum(["passed", "failed", "skipped"]),
      reason: z.string(),
      remedy: z.string().optional(),
    }),
  ),
  signature: z.looseObject({ keyId: z.string(), value: z.string() }).optional(),
  state: z.enum(["uploaded", "validated", "verified", "ready", "retired", "refused"]),
  reason: z.string().optional(),
  verdict: digest.optional(),
  verdictSummary: z.looseObject({ passed: z.boolean() }).optional(),
  pinned: z.looseObject({ by: z.string(), at: z.string(), note: z.string() }).optional(),
  registeredBy: z.string(),
  registeredAt: z.string(),
});

const version = z.looseObject({
  version: z.string(),
  config: z.looseObject({}),
  equivalence,
  golden: z
    .looseObject({
      inputs: digest,
      outputs: digest,
      rows: z.number(),
      source: z.enum(["given", "generated"]),
      seed: z.number().optional(),
    })
    .optional(),
  reference: digest.optional(),
  artifacts: z.array(artifact),
  files: z.record(z.string(), digest).optional(),
});

const model = z.looseObject({
  name: z.string(),
  versions: z.record(z.string(), version),
  aliases: z.record(z.string(), alias),
  aliasHistory: z.array(
    z.looseObject({ alias: z.string(), version: z.string(), at: z.string(), by: z.string() }),
  ),
});

/** @returns the model; or why this is none */
export function readModel(value: unknown, name: string): CatalogModel | string {
  const read = model.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return `${issue?.path.join(".") || "the record"}: ${issue?.message ?? "is no model"}`;
  }
  if (read.data.name !== name) return `name: is that of model '${read.data.name}'`;
  const misplaced = Object.entries(read.data.versions).find(([key, one]) => key !== one.version);
  if (misplaced !== undefined)
    return `versions.${misplaced[0]}: is version ${misplaced[1].version}`;
  // The value that was read, not a copy of it: unknown keys and key order stay as they were.
  return value as CatalogModel;
}
