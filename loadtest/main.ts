/** The load test as the command line calls it: runs, compares, lists; says how it went by its exit code. */
import { readFileSync, writeFileSync } from "node:fs";
import { ControlError } from "./drivers/control/control.ts";
import { LoadtestExit } from "./exit.ts";
import { compareResults } from "./report/compare.ts";
import { perfAnalyzerCsv } from "./report/csv.ts";
import { milliseconds } from "./report/format.ts";
import { Live } from "./report/live.ts";
import { type Result, readResult } from "./report/schema.ts";
import { summary } from "./report/summary.ts";
import { writeReport } from "./report/write.ts";
import type { Flags } from "./runner/flags/flags.ts";
import { UsageError } from "./runner/flags/read-flags.ts";
import { specOfFlags } from "./runner/flags/spec-of-flags.ts";
import type { Progress } from "./runner/measured.ts";
import { run } from "./runner/run.ts";
import type { RunSpec } from "./runner/run-spec.ts";
import { readScenario, scenarioText, specOfScenario } from "./runner/scenario/spec-of-scenario.ts";
import { presets } from "./scenario/read-scenario.ts";

export interface LoadtestIo {
  out(text: string): void;
  err(text: string): void;
  /** Whether `err` is a terminal, where a line can be written over. */
  readonly terminal: boolean;
  columns(): number;
  /** Ctrl-C: what was measured until then is reported. */
  readonly signal: AbortSignal;
  /** In place of the lines that tell how it goes. */
  progress?(progress: Progress): void;
  /** Told before anything is written. */
  finished?(result: Result): void;
}

/** Runs what the flags, or a scenario with flags over it, describe. @returns the exit code */
export async function loadtest(
  given: string | undefined,
  flags: Flags & { readonly dryRun?: boolean },
  io: LoadtestIo,
): Promise<number> {
  const { read, spec } = decided(given, flags);
  if (flags.dryRun === true) {
    if (read !== undefined) io.out(`${scenarioText(read)}\n`);
    io.out(dryRun(spec));
    return LoadtestExit.ok;
  }
  const live = new Live({
    write: io.err,
    terminal: io.terminal,
    columns: io.columns,
    now: () => performance.now(),
  });
  let result: Result;
  try {
    result = await run(spec, {
      progress: (progress) =>
        io.progress === undefined ? live.progress(progress) : io.progress(progress),
      say: (text) => live.say(text),
      signal: io.signal,
    });
  } catch (thrown) {
    live.clear();
    if (thrown instanceof UsageError) throw thrown;
    io.err(`error: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`);
    // What the server said itself is a refusal; else nobody answered as a server does.
    const refused = thrown instanceof ControlError && thrown.kind !== "unavailable";
    return refused ? LoadtestExit.refused : LoadtestExit.unavailable;
  }
  live.clear();
  io.finished?.(result);
  io.out(summary(result));
  writeFiles(flags, result, io);
  if (result.objectives.some(({ met }) => !met)) return LoadtestExit.missed;
  return result.validity.valid ? LoadtestExit.ok : LoadtestExit.failed;
}

/** @throws UsageError: until here nobody has been asked anything, so it is what was typed */
function decided(given: string | undefined, flags: Flags) {
  try {
    const read = given === undefined ? undefined : readScenario(given, flags);
    return { read, spec: read === undefined ? specOfFlags(flags) : specOfScenario(read, flags) };
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown;
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** `--list`. */
export function listPresets(io: LoadtestIo): number {
  const all = presets();
  const width = Math.max(...all.map(({ name }) => name.length));
  for (const { name, title } of all) io.out(`${name.padEnd(width)}  ${title}\n`);
  return LoadtestExit.ok;
}

/** `--compare A B`. @returns 99 where the second is worse in anything */
export function compareFiles(
  before: string,
  after: string,
  tolerance: number,
  io: LoadtestIo,
): number {
  const { rows, warnings } = compareResults(read(before), read(after), tolerance);
  for (const warning of warnings) io.err(`warning: ${warning}\n`);
  const cells = rows.map(({ figure, before, after, change, verdict }) => [
    figure,
    before,
    after,
    change === undefined ? "" : `${change > 0 ? "+" : ""}${(100 * change).toFixed(1)} %`,
    verdict === "same" ? "" : verdict,
  ]);
  const table = [["", before, after, "change", ""], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of table) {
    const words = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    io.out(`${words.join("  ").trimEnd()}\n`);
  }
  return rows.some(({ verdict }) => verdict === "worse") ? LoadtestExit.missed : LoadtestExit.ok;
}

function read(file: string): Result {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`--compare ${file}: ${why}`);
  }
  try {
    return readResult(json, file);
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause));
  }
}

function writeFiles(flags: Flags, result: Result, io: LoadtestIo): void {
  if (flags.output !== undefined) {
    const [report] = writeReport(flags.output, result);
    io.out(`\nreport: ${report}\n`);
  }
  if (flags.latencyReportFile !== undefined) {
    const share = flags.percentile === undefined ? undefined : flags.percentile / 100;
    writeFileSync(flags.latencyReportFile, perfAnalyzerCsv(result.points, share));
  }
}

/** What would be done; nothing is asked of the server. */
function dryRun(spec: RunSpec): string {
  const { about, load, generator, address } = spec;
  const measured =
    load.kind === "together"
      ? milliseconds(load.durationMs)
      : load.kind === "closed"
        ? `${load.concurrencies.length} × up to ${load.mostWindows} windows of ${milliseconds(load.windowMs)}`
        : load.kind === "open"
          ? `${load.rates.length} × ${milliseconds(load.durationMs)}`
          : `${load.repeats} searches, ${milliseconds(load.durationMs)} a trial`;
  return [
    about.title,
    `  scale      ${about.scale}`,
    `  server     ${spec.driver} at ${address.host}:${address.port}`,
    `  model      ${spec.models.join(", ")}`,
    `  measured   ${measured}, after ${milliseconds(spec.warmupMs)} of warm-up`,
    `  generator  ${generator.processes} process(es), ${generator.pacing}, seed ${about.seed}`,
    ...spec.objectives.map(({ text }) => `  objective  ${text}`),
    "",
  ].join("\n");
}
