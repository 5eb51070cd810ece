/**
 * Rows per second of FACILE through host, XRT and emulated board, beside the same kernel called
 * bare in this process. Says how much the way costs; nothing of it is the speed of a card.
 *
 * The two take turns, call by call, and the fastest tenth of the calls counts: what else the
 * machine does meanwhile disturbs both alike.
 *
 * Arguments: the package's folder, calls of the kernel in a batch (default 1), batches (default 200).
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
const calls = Number(process.argv[3] ?? 1);
const batches = Number(process.argv[4] ?? 200);
const rows = calls * ROWS_PER_CALL;
if (files === undefined) throw new Error("../shared/data/fixed_point is not beside the package");
const text = readFileSync(files.model, "utf8");
const vectors = readVectors(files.vectors);
const folder = mkdtempSync(join(tmpdir(), "beamgate-measure-"));
const backend = await xilinxU50.create({ emulated: { boards: 1 } }, { log() {} });
try {
  const [device] = await backend.devices();
  const variant = facileVariant(JSON.parse(text), folder);
  const instance = await backend.load(variant, device as Device, {}, signal);
  const hits = Array.from({ length: rows }, (_, i) => vectors[i % vectors.length]?.in ?? []);
  const data = new Uint8Array(Int16Array.from(hits.flat()).buffer);
  const input = { name: "hits", datatype: "INT16", shape: [rows, FEATURES], data } as const;
  const execution = executionOf([input], rows, ["energy"]);

  const { run } = compileNetwork(parseNetwork(text), { input: { storageBits: 16, rowBytes: 64 } });
  const padded = new Uint8Array(64 * ROWS_PER_CALL);
  for (let i = 0; i < ROWS_PER_CALL; i++) padded.set(data.subarray(36 * i, 36 * i + 36), 64 * i);
  const into = new Uint8Array(2 * ROWS_PER_CALL);

  const bare: number[] = [];
  const through: number[] = [];
  for (let i = 0; i < batches; i++) {
    bare.push(await timed(async () => run(ROWS_PER_CALL, [padded], [into])));
    through.push(await timed(() => instance.execute(execution, signal)));
  }
  const bareRate = ROWS_PER_CALL / fastest(bare);
  const throughRate = rows / fastest(through);
  process.stdout.write(
    `${calls} x ${ROWS_PER_CALL} rows a batch: bare kernel ${bareRate.toFixed(0)} rows/ms, ` +
      `through XRT and board ${throughRate.toFixed(0)} rows/ms, ratio ${(throughRate / bareRate).toFixed(2)}\n`,
  );
  await instance.unload();
} finally {
  await backend.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);

/** ms */
async function timed(call: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

/** Mean of the fastest tenth. */
function fastest(times: readonly number[]): number {
  const best = [...times].sort((a, b) => a - b).slice(0, Math.ceil(times.length / 10));
  return best.reduce((sum, time) => sum + time, 0) / best.length;
}
