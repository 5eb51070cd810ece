/**
 * Compiles a quantised network into the variant of a model for one board.
 *
 *     node dist/models/make/compile-board.js NETWORK.json --for u50|intel --out FOLDER
 *         [--integers] [--name NAME] [--class NAME] [--units 4] [--buffers 8] [--rows-per-call 16384]
 *
 * NETWORK.json: see backends/common/fixed-point/README.md. FOLDER: `<model>/<version>/<variant>`. Clients send
 * and get FP32 that the gateway quantises and restores, or with --integers raw integers. NAME: of the artifact's
 * file and of the numeric class, by default the network's. The last three are for the U50 alone.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { BackendError } from "../../backends/contract.ts";
import { BOARDS, type Board, compileVariant, writeVariant } from "./boards/compile-variant.ts";

const USAGE = "usage: compile-board NETWORK.json --for u50|intel --out FOLDER";

class UsageError extends Error {}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      for: { type: "string" },
      out: { type: "string" },
      integers: { type: "boolean", default: false },
      name: { type: "string" },
      class: { type: "string" },
      units: { type: "string", default: "4" },
      buffers: { type: "string", default: "8" },
      "rows-per-call": { type: "string", default: "16384" },
    },
  });
  const [file] = positionals;
  const { for: board, out } = values;
  if (file === undefined || positionals.length > 1 || out === undefined || board === undefined) {
    throw new UsageError(USAGE);
  }
  if (!BOARDS.includes(board as Board)) {
    throw new UsageError(`--for ${board}: there are ${BOARDS.join(", ")}; ${USAGE}`);
  }
  const json = JSON.parse(readFileSync(file, "utf8"));
  const name = values.name ?? String(json?.name);
  if (!/^[\w-][\w.-]*$/.test(name)) {
    throw new UsageError(`"${name}" is no name for a file: give one with --name`);
  }
  const variant = compileVariant(board as Board, json, {
    name,
    numericClass: values.class ?? `ap_fixed-${name}`,
    clients: values.integers ? "integers" : "floats",
    units: count("units", values.units, 32),
    buffersPerUnit: count("buffers", values.buffers, 64),
    rowsPerCall: count("rows-per-call", values["rows-per-call"], 2 ** 20),
  });
  writeVariant(out, variant);
  const { digest, file: written } = variant.manifest.artifact;
  process.stdout.write(`${out}: ${written}, ${variant.artifact.byteLength} bytes, ${digest}\n`);
}

function count(option: string, given: string, most: number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError(`--${option} ${given}: expected a whole number from 1 to ${most}`);
}

try {
  main();
} catch (cause) {
  // Mistakes of whoever calls; anything else is one of ours, and tells where.
  const told = cause instanceof UsageError || cause instanceof BackendError || isAboutFiles(cause);
  process.stderr.write(`${told ? (cause as Error).message : (cause as Error).stack}\n`);
  process.exitCode = 1;
}

function isAboutFiles(cause: unknown): boolean {
  const { code } = cause as { readonly code?: unknown };
  return cause instanceof SyntaxError || typeof code === "string";
}
