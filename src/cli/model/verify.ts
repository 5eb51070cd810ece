/** `model verify`: the gate once more. */
import type { Command } from "commander";
import type { SignedVerdict } from "../../registry/catalog/types.ts";
import { gatewayAddress } from "../gateway-address.ts";
import { askForLines } from "../gateway-client.ts";
import { CliError, Exit, type Io } from "../io.ts";
import { print } from "../output-option.ts";
import { type AskOptions, asking, common, modelPath, NAME } from "./asking.ts";
import { parseName } from "./name.ts";
import { Progress } from "./progress.ts";
import { verdictText } from "./verdict-text.ts";

export function verifyCommand(io: Io, exit: (code: number) => void): Command {
  return asking(
    "verify",
    "Replay the golden vectors on the artifact's device once more. What fails is taken out of service; exit code 3 then.",
  )
    .argument("<model>", NAME)
    .action(async (model: string, options: AskOptions) => {
      const { name, ...artifact } = parseName(model);
      const body = { ...common({}, io), ...artifact };
      const gateway = await gatewayAddress(options, io);
      const progress = new Progress(io);
      const answer = await askForLines(gateway, modelPath(name, "verify"), body, (event) =>
        progress.event(event),
      ).finally(() => progress.clear());
      const { verdict } = (answer ?? {}) as Partial<SignedVerdict>;
      if (typeof verdict?.passed !== "boolean") {
        throw new CliError(Exit.failed, "the gateway's answer has no verdict in it");
      }
      if (!verdict.passed) exit(Exit.refused);
      await print(io, options.output, answer, () =>
        verdictText(answer as SignedVerdict, io.colour),
      );
    });
}
