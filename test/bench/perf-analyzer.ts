/** NVIDIA's perf_analyzer, where `npm run interop` has fetched it: what it says of a server. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../../src/package-root.ts";

const HOME = join(packageRoot, ".venv", "tools", "perf_analyzer");

/** Percentile columns of its table, in ms; undefined where it is not on this machine. */
export async function perfAnalyzer(
  port: number,
  model: string,
  concurrency: number,
  windowMs: number,
): Promise<Readonly<Record<string, number>> | undefined> {
  const wheel = existsSync(HOME) && readdirSync(HOME).find((name) => name.endsWith(".data"));
  if (!wheel) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "beamgate-perf-"));
  const table = join(folder, "table.csv");
  const where = ["-m", model, "-u", `127.0.0.1:${port}`, "-i", "grpc", "--async", "-f", table];
  // Three windows, whatever they say of each other.
  const how = ["--concurrency-range", String(concurrency), "-p", String(windowMs), "-r", "3"];
  const libraries = join(HOME, "nvidia", "cuda_runtime", "lib");
  try {
    await promisify(execFile)(
      join(HOME, wheel, "data", "bin", "perf_analyzer"),
      [...where, ...how, "-s", "999"],
      { env: { ...process.env, LD_LIBRARY_PATH: libraries } },
    );
    const [head = "", row = ""] = readFileSync(table, "utf8").split("\n");
    const values = row.split(",");
    return Object.fromEntries(
      head.split(",").flatMap((name, at): [string, number][] => {
        const [, percentile] = /^(p\d+) latency/.exec(name) ?? [];
        return percentile === undefined ? [] : [[percentile, Number(values[at]) / 1000]];
      }),
    );
  } catch {
    return undefined; // its libraries are not here
  } finally {
    rmSync(folder, { recursive: true });
  }
}
