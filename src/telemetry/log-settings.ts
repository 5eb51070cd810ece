/** Log settings as the two protocols carry them, under Triton's keys and with its texts. */
import { StatusError } from "../errors.ts";

export interface LogSettings {
  /** Level of detail: `debug` is written from 1 on; 0 for none. */
  readonly verbose: number;
  readonly info: boolean;
  readonly warning: boolean;
  readonly error: boolean;
  readonly format: "default" | "ISO8601" | "json";
}

/** By key; a value of the wrong type is refused, undefined stands for none at all. */
export type LogWords = Readonly<Record<string, boolean | number | string | undefined>>;

const FLAGS = [
  ["log_info", "info"],
  ["log_warning", "warning"],
  ["log_error", "error"],
] as const;
const FORMATS = ["default", "ISO8601", "json"] as const;

/**
 * What a client asks to change; nothing where one of its words is wrong. Unknown
 * keys are ignored, as in Triton.
 * @throws StatusError
 */
export function readLogWords(words: LogWords): Partial<LogSettings> {
  const given = (key: string) => Object.hasOwn(words, key);
  if (given("log_file")) {
    const text = "log file location can not be updated through network protocol";
    throw new StatusError("UNIMPLEMENTED", text);
  }
  const change: { -readonly [K in keyof LogSettings]?: LogSettings[K] } = {};
  for (const [key, name] of FLAGS) {
    if (!given(key)) continue;
    const value = words[key];
    if (typeof value !== "boolean") throw invalid(`expect boolean for '${key}'`);
    change[name] = value;
  }
  if (given("log_verbose_level")) {
    const value = words["log_verbose_level"];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
      throw invalid("expect int32 for 'log_verbose_level'");
    }
    change.verbose = value;
  }
  if (given("log_format")) {
    const value = words["log_format"];
    if (typeof value !== "string") throw invalid("expect string for 'log_format'");
    const format = FORMATS.find((known) => known === value);
    if (format === undefined) throw invalid(`invalid argument for log_format, got: ${value}`);
    change.format = format;
  }
  return change;
}

/** @param file where the log goes; undefined: standard output. */
export function logWords(settings: LogSettings, file: string | undefined) {
  return {
    log_file: file ?? "",
    log_info: settings.info,
    log_warning: settings.warning,
    log_error: settings.error,
    log_verbose_level: settings.verbose,
    log_format: settings.format,
  };
}

function invalid(text: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", text);
}
