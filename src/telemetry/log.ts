/**
 * Where every room's words go: standard output or a file, as Triton's lines or
 * as one JSON object a line. Whatever a client chose (model names, ids) is
 * escaped, so that no name can forge a line or colour a terminal.
 */
import { openSync } from "node:fs";
import { pino } from "pino";
import type { Logger } from "../logger.ts";
import { LineSink } from "./line-sink.ts";
import { callSite, escapeControls, jsonFields, type Severity, tritonLine } from "./log-line.ts";
import type { LogSettings } from "./log-settings.ts";

export interface LogOptions extends LogSettings {
  /** Path; undefined: standard output. */
  readonly file?: string | undefined;
}

export interface Log extends Logger {
  /** Detail of a level: 1 per model and connection, 2 and more per request. */
  verbose(level: number, message: string, fields?: object): void;
  /**
   * What an operator or a script waits for, whatever is switched off: the bare
   * text in Triton's formats, else a JSON object with `fields`.
   */
  announce(text: string, fields?: object): void;
  /** In force now. */
  readonly settings: LogSettings;
  /** Path; undefined: standard output. */
  readonly file: string | undefined;
  /** From the next line on. */
  change(settings: Partial<LogSettings>): void;
  /** True where every line is a JSON object. */
  readonly json: boolean;
  /** Lines that were lost: disk full, reader gone or too slow. */
  readonly droppedLines: number;
  /** Waits until all was written, at most `timeoutMs`: before the process ends. */
  flushed(timeoutMs?: number): Promise<void>;
}

/** What a reader may be behind before lines are dropped. */
const WAITING_BYTES = 8 << 20;
const LAST_WORDS_MS = 1000;
const PINO_LEVEL = { I: "info", W: "warn", E: "error" } as const;

/** @throws Error when the log file cannot be opened. */
export function createLog(options: LogOptions): Log {
  const fd = options.file === undefined ? 1 : openSync(options.file, "a", 0o640);
  const sink = new LineSink(fd, WAITING_BYTES);
  const { file, ...atStart } = options;
  let settings: LogSettings = atStart;
  const structured = pino(
    { level: "debug", base: { pid: process.pid } },
    { write: (line: string) => sink.write(escapeControls(line)) },
  );

  const write = (severity: Severity, message: string, fields: object | undefined) => {
    if (settings.format === "json")
      structured[PINO_LEVEL[severity]](jsonFields(fields ?? {}), message);
    else {
      const site = callSite();
      const style = settings.format === "ISO8601" ? "ISO8601" : "default";
      sink.write(tritonLine({ style, severity, message, fields, at: new Date(), site }));
    }
  };
  const verbose = (level: number, message: string, fields?: object) => {
    if (settings.verbose < level) return;
    if (settings.format === "json")
      structured.debug(jsonFields({ ...fields, verbose: level }), message);
    else write("I", message, fields); // Triton has no letter of its own for detail
  };

  return {
    verbose,
    debug: (message, fields) => verbose(1, message, fields),
    info: (message, fields) => {
      if (settings.info) write("I", message, fields);
    },
    warn: (message, fields) => {
      if (settings.warning) write("W", message, fields);
    },
    error: (message, fields) => {
      if (settings.error) write("E", message, fields);
    },
    announce: (text, fields) => {
      if (settings.format === "json") structured.info(jsonFields(fields ?? {}), text);
      else sink.write(`${text}\n`);
    },
    get json() {
      return settings.format === "json";
    },
    get settings() {
      return settings;
    },
    file,
    change: (changed) => {
      settings = { ...settings, ...changed };
    },
    get droppedLines() {
      return sink.droppedLines;
    },
    flushed: (timeoutMs = LAST_WORDS_MS) => sink.idle(timeoutMs),
  };
}
