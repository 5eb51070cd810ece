/** `model sign`: a signature of an artifact, made where the key is. */
import { Command, Option } from "commander";
import type { Vendor } from "../../registry/catalog/types.ts";
import { VENDORS } from "../../registry/catalog/types.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, outputOption, print } from "../output-option.ts";
import { Progress } from "./progress.ts";
import { signWithFile } from "./signature-file.ts";
import { digestOf } from "./upload.ts";

interface Options {
  readonly output: OutputFormat;
  readonly key: string;
  readonly keyId: string;
  readonly vendor: Vendor;
}

export function signCommand(io: Io): Command {
  return new Command("sign")
    .description(
      "Sign an artifact with an Ed25519 key, without a gateway. 'register --signature' takes what '-o json' prints.",
    )
    .argument("<artifact>", "the file")
    .requiredOption("--key <key.pem>", "private key, PEM; 'model keys new' makes one")
    .requiredOption("--key-id <id>", "name of the key in trust files")
    .addOption(
      new Option("--vendor <vendor>", "whose registry").choices(VENDORS).makeOptionMandatory(),
    )
    .addOption(outputOption())
    .action(async (artifact: string, { output, key, keyId, vendor }: Options) => {
      const progress = new Progress(io);
      const digest = await digestOf(artifact, "artifact", progress).finally(() => progress.clear());
      const signature = await signWithFile(key, keyId, digest, vendor);
      await print(
        io,
        output,
        { ...signature, artifact: digest, vendor },
        () => `${signature.value}\n`,
      );
    });
}
