/** `model describe`: everything about a model, with the verdicts of what is shown. */
import type { Command } from "commander";
import type { CatalogModel, SignedVerdict } from "../../registry/catalog/types.ts";
import { gatewayAddress } from "../gateway-address.ts";
import { askGateway } from "../gateway-client.ts";
import { CliError, Exit, type Io } from "../io.ts";
import { print } from "../output-option.ts";
import { type AskOptions, asking, modelPath, NAME, REGISTRY } from "./asking.ts";
import { modelText } from "./model-text.ts";
import { parseName } from "./name.ts";
import { selected } from "./selected.ts";

interface Described {
  readonly generation: number;
  readonly model: CatalogModel;
}

export function describeCommand(io: Io): Command {
  return asking("describe", "Tell everything about a model: artifacts, checks, verdicts, aliases.")
    .argument("<model>", NAME)
    .action(async (written: string, options: AskOptions) => {
      const named = parseName(written);
      const gateway = await gatewayAddress(options, io);
      const answer = (await askGateway(gateway, "GET", modelPath(named.name))) as Described;
      if (typeof answer?.model?.versions !== "object") {
        throw new CliError(Exit.failed, "the gateway's answer has no model in it");
      }
      const model = selected(answer.model, named);
      const verdicts: Record<string, SignedVerdict> = {};
      for (const { artifacts } of Object.values(model.versions)) {
        for (const { verdict } of artifacts) {
          if (verdict === undefined || verdicts[verdict] !== undefined) continue;
          const path = `${REGISTRY}/verdicts/${encodeURIComponent(verdict)}`;
          verdicts[verdict] = (await askGateway(gateway, "GET", path)) as SignedVerdict;
        }
      }
      await print(io, options.output, { ...answer, model, verdicts }, () =>
        modelText(model, answer.generation, verdicts, io.colour),
      );
    });
}
