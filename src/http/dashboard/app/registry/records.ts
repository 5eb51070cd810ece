/** What the registry says, asked for once and again when its generation changed. */
import type { AuditEntry, CatalogModel } from "../../../../registry/catalog/types.ts";
import type { ListedArtifact } from "../../../registry/listed.ts";
import { ask, Refusal } from "./ask.ts";

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

/** A model with its history. */
export interface Known {
  readonly record: ModelRecord | undefined;
  readonly audit: readonly AuditEntry[];
}

export const knownModel = remembered<Known>(async (name) => {
  const record = await readRecord(name);
  return { record, audit: record === undefined ? [] : await readAudit(name, 8) };
});

export const listedArtifacts = remembered<readonly ListedArtifact[]>(
  async () => (await ask<{ readonly artifacts: readonly ListedArtifact[] }>(REGISTRY)).artifacts,
);

/** While it is asked for, the answer of before is shown. Who may not ask is shown nothing. */
function remembered<T>(read: (key: string) => Promise<T>) {
  const known = new Map<string, { generation: number; value?: T }>();
  return (key: string, generation: number | undefined, redraw: () => void): T | undefined => {
    if (generation === undefined) return undefined;
    const entry = known.get(key) ?? { generation: -1 };
    if (entry.generation === generation) return entry.value;
    entry.generation = generation;
    // Only what is looked at is kept.
    known.clear();
    known.set(key, entry);
    read(key).then(
      (value) => {
        entry.value = value;
        redraw();
      },
      () => {
        // With the next generation again, and a moment later in any case.
        setTimeout(() => known.delete(key), 5_000);
      },
    );
    return entry.value;
  };
}
