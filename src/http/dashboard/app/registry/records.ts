/** What the registry says, asked for once and again when its generation changed. */
import type { AuditEntry, CatalogModel } from "../../../../registry/catalog/types.ts";
import type { ListedArtifact } from "../../../registry/listed.ts";
import { tellTrouble } from "../troubles.ts";
import { ask, Refusal, sentence } from "./ask.ts";

export const REGISTRY = "/v2/beamgate/registry";
export const modelPath = (name: string) => `${REGISTRY}/models/${encodeURIComponent(name)}`;

export interface ModelRecord {
  readonly generation: number;
  readonly model: CatalogModel;
}

/** @returns undefined: it was never registered @throws Refusal */
export async function readRecord(name: string): Promise<ModelRecord | undefined> {
  try {
    return await ask<ModelRecord>(modelPath(name));
  } catch (thrown) {
    if (thrown instanceof Refusal && thrown.status === 404) return undefined;
    throw thrown;
  }
}

/** Newest first. */
export const readAudit = (model: string, limit: number) =>
  ask<readonly AuditEntry[]>(
    `${REGISTRY}/audit?${new URLSearchParams({ model, limit: String(limit) })}`,
  );

/** A model with its history, newest first. */
export interface Known {
  readonly record: ModelRecord | undefined;
  readonly audit: readonly AuditEntry[];
}

/** Lines of an audit log that are shown, and taken along. */
const MOST_TOLD = 100;

export const knownModel = remembered<Known>("What the registry says of the model", async (name) => {
  const record = await readRecord(name);
  return { record, audit: record === undefined ? [] : await readAudit(name, MOST_TOLD) };
});

export const listedArtifacts = remembered<readonly ListedArtifact[]>(
  "What is registered",
  async () => (await ask<{ readonly artifacts: readonly ListedArtifact[] }>(REGISTRY)).artifacts,
);

/** A line of the log of tenants: what it tells more depends on the action. */
export interface TenancyEntry {
  readonly at: string;
  readonly who: string;
  readonly action: string;
  readonly generation?: number;
  readonly [more: string]: unknown;
}

/** What operators did to tenants, reservations and load tests; newest first. */
export const tenancyAudit = remembered<readonly TenancyEntry[]>("The audit of tenants", () =>
  ask(`/v2/beamgate/tenancy/audit?limit=${MOST_TOLD}`),
);

export interface Answer<T> {
  readonly value: T;
  /** When it was asked for: what is asked now is told of now, whatever moment is shown beside it. */
  readonly askedAt: Date;
}

/** While it is asked for, the answer of before is shown. Who may not ask is shown nothing. */
function remembered<T>(what: string, read: (key: string) => Promise<T>) {
  const known = new Map<string, { generation: number; answer?: Answer<T> }>();
  return (
    key: string,
    generation: number | undefined,
    redraw: () => void,
  ): Answer<T> | undefined => {
    if (generation === undefined) return undefined;
    const entry = known.get(key) ?? { generation: -1 };
    if (entry.generation === generation) return entry.answer;
    entry.generation = generation;
    // Only what is looked at is kept.
    known.clear();
    known.set(key, entry);
    const askedAt = new Date();
    read(key).then(
      (value) => {
        // What was asked later may have been answered sooner.
        if (entry.answer !== undefined && entry.answer.askedAt > askedAt) return;
        entry.answer = { value, askedAt };
        tellTrouble(what, undefined);
        redraw();
      },
      (thrown: unknown) => {
        const mayAsk = !(thrown instanceof Refusal && [401, 403].includes(thrown.status));
        if (mayAsk) tellTrouble(what, sentence(thrown));
        // With the next generation again, and a moment later in any case.
        setTimeout(() => known.delete(key), 5_000);
      },
    );
    return entry.answer;
  };
}
