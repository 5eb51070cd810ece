/** Completion for bash ≥ 4, with or without the package bash-completion. */
import { type CommandNode, flattened, type OptionNode } from "./tree.ts";

export function bashScript(root: CommandNode): string {
  const nodes = flattened(root);
  return `# Completion of beamgate for bash. In ~/.bashrc: source <(beamgate completion bash)
_beamgate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path="" i next
  COMPREPLY=()
  # --name=value arrives as three words
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "$next" in
      ${alternatives(nodes.filter(({ path }) => path !== "").map(({ path }) => path))}) path=$next ;;
    esac
  done
  case "$path $prev" in
${nodes.flatMap(({ path, options }) => valueCases(path, options)).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case "$path" in
${nodes.map(({ path, options }) => `      ${quoted(path)}) _beamgate_words ${options.flatMap(({ flags }) => flags).join(" ")} ;;`).join("\n")}
    esac
    return
  fi
  case "$path" in
${nodes.map((node) => `    ${quoted(node.path)}) ${words(node)} ;;`).join("\n")}
  esac
}
_beamgate_words() { COMPREPLY=($(compgen -W "$*" -- "$cur")); }
_beamgate_files() { compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); }
# Asks the gateway; only plain names come back.
_beamgate_names() { _beamgate_words $("\${COMP_WORDS[0]}" completion names "$1" 2>/dev/null); }
complete -F _beamgate beamgate
`;
}

function valueCases(path: string, options: readonly OptionNode[]): string[] {
  return options.flatMap(({ flags, value, bare }) => {
    // A value that may be left out is offered, and so is what else may stand there.
    if (value === undefined || bare) return [];
    const offered = value === "files" ? "_beamgate_files" : `_beamgate_words ${value.join(" ")}`;
    return [`    ${alternatives(flags.map((flag) => `${path} ${flag}`))}) ${offered}; return ;;`];
  });
}

function words({ children, argument }: CommandNode): string {
  if (children.length > 0) {
    return `_beamgate_words ${children.map(({ path }) => path.split(" ").at(-1)).join(" ")}`;
  }
  if (argument === "none") return ":";
  if (argument === "files") return "_beamgate_files";
  return typeof argument === "string"
    ? `_beamgate_names ${argument}`
    : `_beamgate_words ${argument.join(" ")}`;
}

const quoted = (text: string) => `"${text}"`;
const alternatives = (texts: readonly string[]) => texts.map(quoted).join("|");
