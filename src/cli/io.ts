/** What a command may touch of the process, so that a test can stand in for it. */
import { type Terminal, terminalOf } from "./terminal.ts";

export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly env: NodeJS.ProcessEnv;
  /** True where colours help: a terminal, and nobody said NO_COLOR. */
  readonly colour: boolean;
  /** True where what `err` writes stands on a terminal, so that a line can be written over. */
  readonly interactive?: boolean;
  /** Absent where standard output is no terminal. */
  readonly terminal?: Terminal | undefined;
}

const { NO_COLOR } = process.env;

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  colour: process.stdout.isTTY === true && !NO_COLOR,
  interactive: process.stderr.isTTY === true,
  terminal: terminalOf(process.stdin, process.stdout),
};

/** What the process ends with. 1 is left for what none of these says. */
export const Exit = { ok: 0, failed: 1, usage: 2, refused: 3, unavailable: 4 } as const;

/** Ends a command with a sentence for its user and no stack trace. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
