/** `model promote`: points an alias at a version. */
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { print } from "../output-option.ts";
import { printable } from "../table.ts";
import { ask, type ChangeOptions, changing, common, modelPath, share } from "./asking.ts";
import { parseVersion } from "./name.ts";
import { aliasWords } from "./words.ts";

interface Options extends ChangeOptions {
  readonly alias: string;
  readonly weight?: number;
  readonly shadow?: number;
}

export function promoteCommand(io: Io): Command {
  return changing(
    "promote",
    "Point an alias at a version. Ends when its requests go there; what ran before ends as it began.",
  )
    .argument("<model>", "NAME:VERSION")
    .option("--alias <alias>", "production, candidate, or a name of yours", "production")
    .option("--weight <share>", "of candidate: its share of the requests without a version", share)
    .option(
      "--shadow <share>",
      "share of production's requests that it computes again, unseen",
      share,
    )
    .action(async (model: string, options: Options) => {
      const { name, version } = parseVersion(model);
      const { alias, weight, shadow: shadowShare } = options;
      const shares = {
        ...(weight === undefined ? {} : { weight }),
        ...(shadowShare === undefined ? {} : { shadowShare }),
      };
      const body = { ...common(options, io), alias, version, ...shares };
      const answer = await ask(options, io, "POST", modelPath(name, "promote"), body);
      await print(io, options.output, answer, () => {
        const words = aliasWords({ alias, ...shares });
        return `${printable(name)}:${version} is ${printable(words)} now\n`;
      });
    });
}
