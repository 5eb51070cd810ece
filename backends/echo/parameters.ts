/** What an echo model may be told, as `parameters` of its configuration. */
import { BackendError, type ModelVariant } from "../contract.ts";

export type EchoMode = "identity" | "addsub" | "repeat" | "repeat_elements";

export interface EchoParameters {
  /**
   * `identity`: output i is input i. `addsub`: the sum and the difference of the
   * first two inputs. `repeat`: identity as a stream, as many times as the first number says.
   * `repeat_elements`: a stream of the first input's elements, see `repeat-elements.ts`.
   */
  readonly mode: EchoMode;
  /** Blocks the worker per execution, ms, as native code does. */
  readonly delayMs: number;
  /** The same per row, µs: a device whose time grows with the batch. */
  readonly delayUsPerRow: number;
  /** For tests of the supervisor: a batch with an input that starts with this number kills the worker. */
  readonly crashOn: number | undefined;
  /** The same, but it never returns. */
  readonly hangOn: number | undefined;
  /** The load itself kills the worker while this file exists. */
  readonly crashOnLoadIfExists: string | undefined;
}

const MODES: readonly string[] = [
  "identity",
  "addsub",
  "repeat",
  "repeat_elements",
] satisfies EchoMode[];

/** @throws BackendError `artifact` naming the parameter. */
export function readParameters({ parameters = {} }: ModelVariant): EchoParameters {
  const mode = parameters["mode"] ?? "identity";
  if (!MODES.includes(mode)) {
    throw new BackendError("artifact", `parameter mode: "${mode}" is none of ${MODES.join(", ")}`);
  }
  return {
    mode: mode as EchoMode,
    delayMs: readNumber(parameters, "delay_ms") ?? 0,
    delayUsPerRow: readNumber(parameters, "delay_us_per_row") ?? 0,
    crashOn: readNumber(parameters, "crash_on"),
    hangOn: readNumber(parameters, "hang_on"),
    crashOnLoadIfExists: parameters["crash_on_load_if_exists"],
  };
}

function readNumber(
  parameters: Readonly<Record<string, string>>,
  name: string,
): number | undefined {
  const text = parameters[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new BackendError("artifact", `parameter ${name}: "${text}" is not a number`);
}
