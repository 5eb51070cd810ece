/** Completion for fish, with descriptions. */
import { type CommandNode, flattened, type OptionNode } from "./tree.ts";

export function fishScript(root: CommandNode): string {
  const nodes = flattened(root);
  const paths = nodes.map(({ path }) => path).filter((path) => path !== "");
  return `# Completion of beamgate for fish: beamgate completion fish > ~/.config/fish/completions/beamgate.fish
function __beamgate_at
    set -l place
    for word in (commandline -opc)[2..-1]
        set -l next (string join -- " " $place $word)
        switch $next
            case ${paths.map(quoted).join(" ")}
                set place $next
        end
    end
    test "$place" = "$argv[1]"
end
function __beamgate_names
    set -l program (commandline -opc)[1]
    $program completion names $argv[1] 2>/dev/null
end
complete -c beamgate -f
${nodes.flatMap(lines).join("\n")}
`;
}

function lines(node: CommandNode): string[] {
  const at = `complete -c beamgate -n "__beamgate_at '${node.path}'"`;
  return [
    ...node.children.map(({ path, summary }) => {
      return `${at} -a ${path.split(" ").at(-1)} -d ${quoted(summary)}`;
    }),
    ...argumentLines(node).map((rest) => `${at} ${rest}`),
    ...node.options.map((option) => `${at} ${optionText(option)}`),
  ];
}

function argumentLines({ argument, children }: CommandNode): string[] {
  if (children.length > 0 || argument === "none") return [];
  if (argument === "files") return ["-F"];
  if (typeof argument === "string") return [`-a "(__beamgate_names ${argument})"`];
  return [`-a ${quoted(argument.join(" "))}`];
}

function optionText({ flags, description, value, bare }: OptionNode): string {
  const names = flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  const takes =
    value === undefined || bare
      ? ""
      : value === "files"
        ? " -r -F"
        : ` -x -a ${quoted(value.join(" "))}`;
  return `${names.join(" ")}${takes} -d ${quoted(description)}`;
}

const quoted = (text: string) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
