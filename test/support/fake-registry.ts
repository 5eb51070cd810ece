/** A registry that remembers what it was asked, and keeps uploads in memory. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { StatusError } from "../../src/errors.ts";
import type { RegistryRoom, UploadPlace } from "../../src/http/registry/room.ts";
import { silent } from "../../src/logger.ts";
import type { ModelRegistry } from "../../src/registry/catalog/registry.ts";
import type {
  CatalogArtifact,
  CatalogModel,
  SignedVerdict,
} from "../../src/registry/catalog/types.ts";

export const digestOf = (bytes: Uint8Array | string) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export function fakeArtifact(told: Partial<CatalogArtifact> = {}): CatalogArtifact {
  return {
    digest: digestOf("artifact"),
    variant: "xilinx",
    vendor: "xilinx",
    backend: "xilinx-u50",
    platform: "xilinx_u50_gen3x16_xdma_base_5",
    format: "xclbin",
    file: "net.xclbin",
    sizeBytes: 1234,
    numericClass: "ap_fixed-net-1",
    facts: { kernel: "net" },
    checks: [{ check: "container", outcome: "passed", reason: "xclbin with 12 sections" }],
    state: "ready",
    registeredBy: "unverified:me@127.0.0.1",
    registeredAt: "2026-01-02T03:04:05.000Z",
    ...told,
  };
}

export function fakeModel(name: string, artifacts: readonly CatalogArtifact[]): CatalogModel {
  return {
    name,
    versions: {
      1: { version: "1", config: {}, equivalence: { class: { kind: "bit-exact" } }, artifacts },
    },
    aliases: { production: { version: "1" } },
    aliasHistory: [{ alias: "production", version: "1", at: "2026-01-02T03:04:05.000Z", by: "me" }],
  };
}

export function fakeVerdict(told: Partial<SignedVerdict["verdict"]> = {}): SignedVerdict {
  return {
    verdict: {
      verdict: 1,
      model: "jets",
      version: "1",
      artifact: digestOf("artifact"),
      golden: { inputs: digestOf("in"), outputs: digestOf("out") },
      reference: digestOf("reference"),
      equivalence: { class: { kind: "bit-exact" } },
      device: { id: "u50-0", vendor: "xilinx", platform: "xilinx_u50", emulated: true },
      software: "beamgate 1.2.3",
      passed: true,
      rows: 1024,
      outputs: [
        {
          name: "y",
          datatype: "FP32",
          class: { kind: "bit-exact" },
          passed: true,
          elements: 5120,
          failing: 0,
          differing: 3,
          maxAbs: 0.25,
          maxRel: 0.5,
          maxUlp: 7,
          histogram: { unit: "ulp", edges: [0, 1, 8], counts: [5117, 2, 1, 0] },
          worst: [{ row: 17, element: 2, got: 0.5, expected: 0.25, error: 7 }],
        },
      ],
      batchInvariance: {
        invariant: false,
        cases: [{ arrangement: "padded", rows: 16, compared: 1024, differing: 2, failing: 0 }],
      },
      at: "2026-01-02T03:04:05.000Z",
      tookMs: 12,
      ...told,
    },
    signature: { keyId: "k1", value: "AAAA" },
  };
}

/** What was asked of the registry: the method and what it was given, functions and signals left out. */
export type Asked = readonly [method: string, ...given: unknown[]];

/** @param told methods in place of those that do nothing but remember */
export function fakeRoom(told: Partial<ModelRegistry> = {}) {
  const asked: Asked[] = [];
  const models = [{ generation: 7, model: fakeModel("jets", [fakeArtifact()]) }];
  const remember =
    <T>(method: string, answer: T) =>
    async (...given: unknown[]): Promise<T> => {
      const plain = given.filter((each) => typeof each !== "function" && !isSignal(each));
      asked.push([method, ...plain]);
      return answer;
    };
  const registry: ModelRegistry = {
    snapshot: () => ({ generation: 42, models }),
    register: remember("register", {
      generation: 8,
      unchanged: false,
      artifact: fakeArtifact(),
      checks: fakeArtifact().checks,
    }),
    dryRun: remember("dryRun", fakeArtifact().checks),
    verify: remember("verify", fakeVerdict()),
    verdict: remember("verdict", fakeVerdict()),
    promote: remember("promote", 9),
    rollback: remember("rollback", { version: "1" }),
    dropAlias: remember("dropAlias", 9),
    pin: remember("pin", 9),
    retire: remember("retire", 9),
    remove: remember("remove", 9),
    audit: remember("audit", []),
    ...told,
  };
  const uploads = new MemoryUploads();
  const room: RegistryRoom = {
    registry,
    uploads,
    maxArtifactBytes: 10_000_000,
    vendors: async () => [{ vendor: "xilinx", trusted: [], rules: { requireSignature: false } }],
    log: silent,
  };
  return { room, asked, models, uploads };
}

function isSignal(value: unknown): boolean {
  return value instanceof AbortSignal;
}

/** Keeps what came before a source threw, as the store on disk does. */
export class MemoryUploads implements UploadPlace {
  readonly blobs = new Map<string, Buffer>();
  readonly parts = new Map<string, Buffer>();
  /** Of each piece. */
  paceMs = 0;
  readonly #writing = new Set<string>();

  async size(digest: string): Promise<number | undefined> {
    return this.blobs.get(digest)?.length;
  }

  async openUpload(digest: string) {
    const parts = () => this.parts.get(digest) ?? Buffer.alloc(0);
    return {
      receivedBytes: parts().length,
      append: async (offset: number, source: AsyncIterable<Uint8Array>, maxBytes: number) => {
        if (this.#writing.has(digest)) throw new StatusError("ABORTED", "somebody else uploads it");
        if (offset !== parts().length) {
          throw new StatusError("FAILED_PRECONDITION", `it goes on at byte ${parts().length}`);
        }
        this.#writing.add(digest);
        try {
          for await (const chunk of source) {
            const grown = Buffer.concat([parts(), chunk]);
            if (grown.length > maxBytes) throw new StatusError("INVALID_ARGUMENT", "too large");
            this.parts.set(digest, grown);
            if (this.paceMs > 0) await sleep(this.paceMs);
          }
        } finally {
          this.#writing.delete(digest);
        }
        return parts().length;
      },
      finish: async () => {
        const bytes = this.blobs.get(digest) ?? parts();
        this.parts.delete(digest);
        if (digestOf(bytes) !== digest) throw new StatusError("INVALID_ARGUMENT", "other bytes");
        this.blobs.set(digest, bytes);
        return { digest, sizeBytes: bytes.length };
      },
    };
  }
}
