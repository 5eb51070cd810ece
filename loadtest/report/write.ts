/** The files of a run, in one folder. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Latencies } from "../measure/latencies.ts";
import { perfAnalyzerCsv } from "./csv.ts";
import { reportPage } from "./html/page.ts";
import { publishedSchema, type Result } from "./schema.ts";

/** @returns the paths, the report first */
export function writeReport(folder: string, result: Result): string[] {
  mkdirSync(folder, { recursive: true });
  const files: Record<string, string> = {
    "report.html": reportPage(result),
    "result.json": `${JSON.stringify(result, null, 1)}\n`,
    "result.schema.json": `${JSON.stringify(publishedSchema(), null, 1)}\n`,
    "perf_analyzer.csv": perfAnalyzerCsv(result.points),
    ...Object.fromEntries(
      result.points.map((point, index) => [
        result.points.length === 1 ? "latency.hgrm" : `latency-${index + 1}.hgrm`,
        Latencies.decode(point.latency.histogram).percentileDistribution(),
      ]),
    ),
  };
  return Object.entries(files).map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  });
}
