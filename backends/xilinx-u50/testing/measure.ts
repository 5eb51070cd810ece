/**
 * Rows per second of FACILE through host, XRT and emulated board, beside the same kernel called
 * bare in this process. Says how much the way costs; nothing of it is the speed of a card.
 *
 * Arguments: the package's folder, seconds for each (default 4).
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseNetwork } from "../../common/fixed-point/network.ts";
import type { Device } from "../../contract.ts";
import { xilinxU50 } from "../backend.ts";
import { compileNetwork } from "../board/compile-network.ts";
import { executionOf, signal } from "./boards.ts";
import { FEATURES, facileFiles, facileVariant, ROWS_PER_CALL, readVectors } from "./facile.ts";

const files = facileFiles(process.argv[2] ?? ".");
const seconds = Number(process.argv[3] ?? 4);
if (files === undefined) throw new Error("../shared/data/fixed_point is not beside the package");
const text = readFileSync(files.model, "utf8");
const vectors = readVectors(files.vectors);
const folder = mkdtempSync(join(tmpdir(), "beamgate-measure-"));
const backend = await xilinxU50.create({ emulated: { boards: 1 } }, { log() {} });
try {
  const [device] = await backend.devices();
  const variant = facileVariant(JSON.parse(text), folder);
  const instance = await backend.load(variant, device as Device, {}, signal);
  const rows = Array.from(
    { length: ROWS_PER_CALL },
    (_, i) => vectors[i % vectors.length]?.in ?? [],
  );
  const data = new Uint8Array(Int16Array.from(rows.flat()).buffer);
  const input = {
    name: "hits",
    datatype: "INT16",
    shape: [ROWS_PER_CALL, FEATURES],
    data,
  } as const;
  const execution = executionOf([input], ROWS_PER_CALL, ["energy"]);

  const { run } = compileNetwork(parseNetwork(text), { input: { storageBits: 16, rowBytes: 64 } });
  const padded = new Uint8Array(64 * ROWS_PER_CALL);
  for (let i = 0; i < ROWS_PER_CALL; i++) padded.set(data.subarray(36 * i, 36 * i + 36), 64 * i);
  const into = new Uint8Array(2 * ROWS_PER_CALL);

  const bare: number[] = [];
  const through: number[] = [];
  for (let round = 0; round < 4; round++) {
    bare.push(await rate(seconds / 4, async () => run(ROWS_PER_CALL, [padded], [into])));
    through.push(await rate(seconds / 4, () => instance.execute(execution, signal)));
  }
  const ratio = best(through) / best(bare);
  process.stdout.write(
    `bare kernel ${best(bare).toFixed(0)} rows/s, through XRT and board ${best(through).toFixed(0)} rows/s, ratio ${ratio.toFixed(2)}\n`,
  );
  await instance.unload();
} finally {
  await backend.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

/** Rows per second. */
async function rate(forSeconds: number, call: () => Promise<unknown>): Promise<number> {
  await call();
  const began = performance.now();
  let calls = 0;
  do {
    await call();
    calls += 1;
  } while (performance.now() - began < 1000 * forSeconds);
  return (calls * ROWS_PER_CALL * 1000) / (performance.now() - began);
}

function best(rates: readonly number[]): number {
  return Math.max(...rates);
}
