/** All commands as plain data, read off the commands themselves. */
import type { Command, Option } from "commander";

export interface OptionNode {
  /** `-o`, `--output`: as they are typed. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Absent: it takes no value. Words to choose from, or files. */
  readonly value?: readonly string[] | "files";
  /** True where the value may be left out. */
  readonly bare: boolean;
}

/** What stands in place of a command's first argument. */
export type ArgumentKind = "models" | "devices" | "files" | "none" | readonly string[];

export interface CommandNode {
  /** Words after the program's name: `model register`; empty for the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly children: readonly CommandNode[];
  readonly options: readonly OptionNode[];
  readonly argument: ArgumentKind;
}

/** Builds a command as it would be called with these words behind its name. */
export type Build = (name: string, rest: readonly string[]) => Promise<Command>;

const HELP: OptionNode = { flags: ["-h", "--help"], description: "tell more", bare: false };
const VERSION: OptionNode = { flags: ["--version"], description: "which version", bare: false };

export async function commandTree(
  summaries: Readonly<Record<string, string>>,
  build: Build,
): Promise<CommandNode> {
  const children: CommandNode[] = [];
  for (const [name, summary] of Object.entries(summaries)) {
    const command = await build(name, []);
    const grandchildren: CommandNode[] = [];
    for (const child of visible(command)) {
      // Some groups build only the command that is called; the others are a name and a summary.
      const whole = await build(name, [child.name()]);
      const found = whole.commands.find((each) => each.name() === child.name()) ?? child;
      const deeper = visible(found).map((each) =>
        leaf(each, `${name} ${child.name()} ${each.name()}`),
      );
      grandchildren.push({ ...leaf(found, `${name} ${child.name()}`), children: deeper });
    }
    children.push({ ...leaf(command, name), summary, children: grandchildren });
  }
  return { path: "", summary: "", children, options: [HELP, VERSION], argument: "none" };
}

/** Without hidden ones, and the `help` that commander adds. */
function visible(command: Command): Command[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== "help");
}

function leaf(command: Command, path: string): CommandNode {
  const options = command.options.filter(({ hidden }) => !hidden).map(optionNode);
  return {
    path,
    summary: firstLine(command.summary() || command.description()),
    children: [],
    options: [...options, HELP],
    argument: argumentOf(command),
  };
}

function optionNode(option: Option): OptionNode {
  const { short, long, description, required, optional, argChoices } = option;
  const flags = [short, long].filter((flag) => flag !== undefined);
  const about = { flags, description: firstLine(description), bare: optional };
  if (!required && !optional) return about;
  if (argChoices !== undefined) return { ...about, value: argChoices };
  return { ...about, value: option.flags.includes("[bool]") ? ["true", "false"] : "files" };
}

function argumentOf(command: Command): ArgumentKind {
  const [first] = command.registeredArguments;
  if (first === undefined) return "none";
  if (first.argChoices !== undefined) return first.argChoices;
  switch (first.name()) {
    case "model":
      return "models";
    case "device":
      return "devices";
    case "path":
    case "artifact":
    case "target":
    case "copy":
    case "scenario":
    case "key.pem":
      return "files";
    default:
      return "none";
  }
}

const LONGEST = 80;

function firstLine(text: string): string {
  const [line = ""] = text.split("\n");
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line;
}

/** The node itself and everything below it. */
export function flattened(node: CommandNode): CommandNode[] {
  return [node, ...node.children.flatMap(flattened)];
}
