/** A registry of models in memory, its bytes in a folder: what the gateway serves from, without registrations. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OnnxGraph } from "../../models/make/onnx/onnx-graph.ts";
import type { CatalogSnapshot } from "../../src/registry/catalog/registry.ts";
import type {
  Alias,
  ArtifactState,
  CatalogArtifact,
  CatalogModel,
  CatalogVersion,
  Digest,
} from "../../src/registry/catalog/types.ts";
import type { ModelConfigObject } from "../../src/registry/types.ts";

export class FakeCatalog {
  readonly folder = mkdtempSync(join(tmpdir(), "beamgate-blobs-"));
  readonly #models = new Map<string, CatalogModel>();
  #generation = 0;
  #snapshot: CatalogSnapshot | undefined;

  /** Keeps bytes. */
  put(bytes: Uint8Array): Digest {
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(this.blobPath(digest), bytes);
    return digest;
  }

  blobPath(digest: Digest): string {
    return join(this.folder, digest.slice("sha256:".length));
  }

  snapshot(): CatalogSnapshot {
    if (this.#snapshot?.generation !== this.#generation) {
      const models = [...this.#models.values()].map((model) => ({ generation: 1, model }));
      this.#snapshot = { generation: this.#generation, models };
    }
    return this.#snapshot;
  }

  model(name: string): CatalogModel {
    return this.#models.get(name) ?? { name, versions: {}, aliases: {}, aliasHistory: [] };
  }

  set(name: string, version: string, given: Partial<CatalogVersion>): void {
    const { versions } = this.model(name);
    const empty = {
      version,
      config: {},
      equivalence: { class: { kind: "bit-exact" } },
      artifacts: [],
    } as const;
    const before = versions[version] ?? empty;
    this.#change(name, { versions: { ...versions, [version]: { ...before, ...given } } });
  }

  /** @param digest absent: of every artifact of the version */
  state(name: string, version: string, state: ArtifactState, digest?: Digest, reason = ""): void {
    const artifacts = (this.model(name).versions[version]?.artifacts ?? []).map((artifact) =>
      digest === undefined || artifact.digest === digest
        ? { ...artifact, state, reason }
        : artifact,
    );
    this.set(name, version, { artifacts });
  }

  /** @param to undefined: the alias goes */
  alias(name: string, alias: string, to: Alias | undefined): void {
    const { [alias]: _, ...others } = this.model(name).aliases;
    this.#change(name, { aliases: to === undefined ? others : { ...others, [alias]: to } });
  }

  drop(name: string): void {
    this.#models.delete(name);
    this.#generation += 1;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #change(name: string, change: Partial<CatalogModel>): void {
    this.#models.set(name, { ...this.model(name), ...change });
    this.#generation += 1;
  }
}

/** An artifact of ONNX for CPUs, ready, that is right in every way but what a test names. */
export function anArtifact(given: Partial<CatalogArtifact> & { digest: Digest }): CatalogArtifact {
  return {
    variant: "cpu",
    vendor: "cpu",
    backend: "arm-cpu",
    platform: "any",
    format: "onnx",
    file: "model.onnx",
    sizeBytes: 1,
    numericClass: "float32",
    facts: {},
    checks: [],
    state: "ready",
    registeredBy: "a test",
    registeredAt: "2026-01-01T00:00:00Z",
    ...given,
  };
}

/** `y = x + added`, FP32[2] a row. */
export function addingGraph(added: number, name = "adding"): Uint8Array {
  const graph = new OnnxGraph(name, `y = x + ${added}`);
  const x = graph.input("x", "FP32", ["batch", 2]);
  graph.node("Add", [x, graph.floats([added], [1])], {}, "y");
  graph.output("y", "FP32", ["batch", 2]);
  return graph.finish();
}

export const ADDING_CONFIG: ModelConfigObject = {
  backend: "onnxruntime",
  max_batch_size: 64,
  input: [{ name: "x", data_type: "TYPE_FP32", dims: ["2"] }],
  output: [{ name: "y", data_type: "TYPE_FP32", dims: ["2"] }],
  instance_group: [{ kind: "KIND_CPU", count: 1 }],
  dynamic_batching: {},
};

/** The row that `addingGraph` is asked about, and its answer. */
export const rowOf = (first: number): Uint8Array =>
  new Uint8Array(Float32Array.of(first, -first).buffer);
