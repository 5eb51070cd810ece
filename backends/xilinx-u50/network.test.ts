/** A real network on an emulated board: FACILE, bit by bit as its firmware. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../src/package-root.ts";
import type { Backend, Device, ModelInstance } from "../contract.ts";
import { xilinxU50 } from "./backend.ts";
import { executionOf, missingXrt, signal } from "./testing/boards.ts";
import {
  FEATURES,
  facileFiles,
  facileVariant,
  ROWS_PER_CALL,
  readVectors,
} from "./testing/facile.ts";

const files = facileFiles(packageRoot);
const missing = missingXrt() ?? (files ? undefined : "../shared/data/fixed_point is not here");
const folder = mkdtempSync(join(tmpdir(), "beamgate-xilinx-u50-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing)(
  `FACILE on an emulated board${missing ? `: ${missing}` : ""}`,
  { timeout: 180_000 },
  () => {
    const vectors = files ? readVectors(files.vectors) : [];
    const network = files ? (JSON.parse(readFileSync(files.model, "utf8")) as Network) : undefined;
    const vector = (row: number) => vectors[row % vectors.length] as (typeof vectors)[number];
    const rightly = (rows: number) =>
      Int16Array.from({ length: rows }, (_, i) => vector(i).out.y[0] ?? 0);

    let backend: Backend;
    let instance: ModelInstance | undefined;
    beforeEach(async () => {
      backend = await xilinxU50.create({ emulated: { boards: 1 } }, { log() {} });
    });
    afterEach(async () => {
      await instance?.unload();
      instance = undefined;
      await backend.close();
    });

    async function energies(of: unknown, rows: number): Promise<Int16Array> {
      const [device] = await backend.devices();
      instance ??= await backend.load(facileVariant(of, folder), device as Device, {}, signal);
      const hits = Int16Array.from(Array.from({ length: rows }, (_, i) => vector(i).in).flat());
      const input = { name: "hits", datatype: "INT16", shape: [rows, FEATURES] } as const;
      const data = new Uint8Array(hits.buffer);
      const [energy] = await instance.execute(
        executionOf([{ ...input, data }], rows, ["energy"]),
        signal,
      );
      return new Int16Array(Uint8Array.from(energy?.data ?? []).buffer);
    }

    it("gives the firmware's integers for every golden vector", async () => {
      expect(await energies(network, vectors.length)).toEqual(rightly(vectors.length));
    });

    it.each([1, ROWS_PER_CALL, 3 * ROWS_PER_CALL + 1000])(
      "gives them for a batch of %i rows",
      async (rows) => {
        expect(await energies(network, rows)).toEqual(rightly(rows));
      },
    );

    it("gives others where one weight of the bitstream is another", async () => {
      const other = structuredClone(network) as Network;
      const [weights] = other.nodes.flatMap(({ weights_raw }) =>
        weights_raw ? [weights_raw] : [],
      );
      if (weights === undefined) throw new Error("no weights");
      weights[0] = (weights[0] ?? 0) ^ 0x40;
      expect(await energies(other, vectors.length)).not.toEqual(rightly(vectors.length));
    });
  },
);

interface Network {
  readonly nodes: readonly { readonly weights_raw?: number[] }[];
}
