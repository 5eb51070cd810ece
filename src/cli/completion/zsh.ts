/** Completion for zsh, with descriptions. */
import { type CommandNode, flattened, type OptionNode } from "./tree.ts";

export function zshScript(root: CommandNode): string {
  const nodes = flattened(root);
  return `#compdef beamgate
# Completion of beamgate for zsh. In ~/.zshrc, after compinit: source <(beamgate completion zsh)
_beamgate() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} place="" next i
  local -a offered
  for ((i = 2; i < CURRENT; i++)); do
    next="\${place:+$place }\${words[i]}"
    case "$next" in
      (${alternatives(nodes.filter(({ path }) => path !== "").map(({ path }) => path))}) place=$next ;;
    esac
  done
  case "$place $prev" in
${nodes.flatMap(({ path, options }) => valueCases(path, options)).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    case "$place" in
${nodes.map(({ path, options }) => `      (${quoted(path)}) offered=(${options.flatMap(described).join(" ")}) ;;`).join("\n")}
    esac
    _describe -o option offered
    return
  fi
  case "$place" in
${nodes.map((node) => `    (${quoted(node.path)}) ${words(node)} ;;`).join("\n")}
  esac
}
_beamgate_names() { offered=(\${(f)"$("\${words[1]}" completion names "$1" 2>/dev/null)"}); compadd -a offered; }
compdef _beamgate beamgate
`;
}

function valueCases(path: string, options: readonly OptionNode[]): string[] {
  return options.flatMap(({ flags, value, bare }) => {
    if (value === undefined || bare) return [];
    const offered = value === "files" ? "_files" : `compadd -- ${value.join(" ")}`;
    return [`    (${alternatives(flags.map((flag) => `${path} ${flag}`))}) ${offered}; return ;;`];
  });
}

function words({ children, argument }: CommandNode): string {
  if (children.length > 0) {
    const each = children.map(({ path, summary }) => pair(path.split(" ").at(-1) ?? "", summary));
    return `offered=(${each.join(" ")}); _describe command offered`;
  }
  if (argument === "none") return ":";
  if (argument === "files") return "_files";
  return typeof argument === "string"
    ? `_beamgate_names ${argument}`
    : `compadd -- ${argument.join(" ")}`;
}

const described = ({ flags, description }: OptionNode) =>
  flags.map((flag) => pair(flag, description));
/** In single quotes nothing means anything but the quote; a colon parts word and description. */
const pair = (word: string, description: string) =>
  `'${word.replaceAll(":", "\\:")}:${description.replaceAll("'", "'\\''")}'`;
const quoted = (text: string) => `"${text}"`;
const alternatives = (texts: readonly string[]) => texts.map(quoted).join("|");
