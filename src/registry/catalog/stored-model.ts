/** A model as its record holds it: with the change that made it, so that no change goes unlogged. */
import { z } from "zod";
import type { Logger } from "../../logger.ts";
import { type AuditEntry, type CatalogModel, VENDORS } from "./types.ts";

export interface StoredModel {
  readonly lastChange: AuditEntry;
  /** undefined: it was removed. */
  readonly model: CatalogModel | undefined;
}

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

/** What the gateway relies on; the rest was checked before it was written, and is shown as it is. */
const artifact = z.looseObject({
  digest,
  variant: z.string(),
  vendor: z.enum(VENDORS),
  backend: z.string(),
  platform: z.string(),
  format: z.string(),
  file: z.string(),
  numericClass: z.string(),
  state: z.enum(["uploaded", "validated", "verified", "ready", "retired", "refused"]),
});

const version = z.looseObject({
  version: z.string().regex(/^[1-9]\d*$/),
  config: z.looseObject({}),
  equivalence: z.looseObject({ class: z.looseObject({ kind: z.string() }) }),
  artifacts: z.array(artifact),
});

const model = z.looseObject({
  name: z.string(),
  versions: z.record(z.string(), version),
  aliases: z.record(z.string(), z.looseObject({ version: z.string() })),
  aliasHistory: z.array(z.looseObject({ alias: z.string(), version: z.string() })),
});

/** undefined, and an error in the log, for what is no model: the others go on. */
export function parseStored(
  name: string,
  stored: StoredModel,
  log: Logger,
): CatalogModel | undefined {
  if (stored.model === undefined || stored.model === null) return undefined;
  const read = model.safeParse(stored.model);
  if (read.success && read.data.name === name) return stored.model;
  const issue = read.error?.issues[0];
  const reason = issue ? `${issue.path.join(".")}: ${issue.message}` : "its name is another one";
  log.error(`the record of model '${name}' is damaged and left out: ${reason}`);
  return undefined;
}
