/** Commands of commands (`model ls`), each in a file of its own that is loaded when it is called. */
import { Command } from "commander";
import type { Io } from "./io.ts";

/** Builds a command whose action sets the exit code through `exit`. */
export type CommandBuilder = (io: Io, exit: (code: number) => void) => Command | Promise<Command>;

export interface Entry {
  readonly summary: string;
  load(): Promise<CommandBuilder>;
}

/** A command of the table as a whole, the others by their summaries. */
export async function groupOf(
  name: string,
  description: string,
  entries: Readonly<Record<string, Entry>>,
  argv: readonly string[],
  io: Io,
  exit: (code: number) => void,
): Promise<Command> {
  const group = new Command(name).description(description);
  const called = argv[0] === "help" ? argv[1] : argv[0];
  for (const [each, { summary, load }] of Object.entries(entries)) {
    if (each !== called) group.command(each).description(summary);
    else group.addCommand((await (await load())(io, exit)).name(each));
  }
  return group;
}
