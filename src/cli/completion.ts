/** `completion bash|zsh|fish`: a script that completes commands, options, and names that the gateway knows. */
import { Argument, Command } from "commander";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type Build, commandTree } from "./completion/tree.ts";
import { zshScript } from "./completion/zsh.ts";
import { type GatewayOptions, gatewayAddress, gatewayOptions } from "./gateway-address.ts";
import { askGateway } from "./gateway-client.ts";
import type { Io } from "./io.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
const WHERE = {
  bash: "in ~/.bashrc: source <(beamgate completion bash)",
  zsh: "in ~/.zshrc, after compinit: source <(beamgate completion zsh)",
  fish: "beamgate completion fish > ~/.config/fish/completions/beamgate.fish",
} as const;

/** Shells read the words again: nothing that means something to them may be a name. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/;
const MOST_NAMES = 1000;
/** Whoever presses TAB does not wait longer. */
const PATIENCE_MS = 2_000;

export function completionCommand(
  io: Io,
  summaries: Readonly<Record<string, string>>,
  build: Build,
): Command {
  const command = new Command("beamgate completion").description(
    "Print a script that completes commands, options and names of models and devices in a shell.",
  );
  for (const [shell, script] of Object.entries(SCRIPTS)) {
    const where = WHERE[shell as keyof typeof WHERE];
    command
      .command(shell)
      .description(where)
      .action(async () => io.out(script(await commandTree(summaries, build))));
  }
  const names = command
    .command("names", { hidden: true })
    .addArgument(new Argument("<what>").choices(["models", "devices"]));
  for (const option of gatewayOptions()) names.addOption(option);
  names.action(async (what: "models" | "devices", options: GatewayOptions) => {
    // Nobody can read a warning in the middle of his line.
    const quiet = { ...io, err: () => undefined };
    const gateway = await gatewayAddress(options, quiet);
    const asked =
      what === "models"
        ? askGateway(gateway, "POST", "/v2/repository/index", {})
        : askGateway(gateway, "GET", "/v2/beamgate/devices");
    const late = new Promise<unknown[]>((resolve) => {
      setTimeout(() => resolve([]), PATIENCE_MS).unref();
    });
    io.out(
      namesIn(await Promise.race([asked, late]))
        .map((name) => `${name}\n`)
        .join(""),
    );
  });
  return command;
}

function namesIn(answer: unknown): string[] {
  if (!Array.isArray(answer)) return [];
  const names = answer.map((each) => String(each?.name ?? each?.id ?? ""));
  return [...new Set(names)].filter((name) => PLAIN.test(name)).slice(0, MOST_NAMES);
}
