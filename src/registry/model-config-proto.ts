/** The message type of a model's configuration, read once from `proto/model_config.proto`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import { packageRoot } from "../package-root.ts";

function loadType(): protobuf.Type {
  const source = readFileSync(join(packageRoot, "proto", "model_config.proto"), "utf8");
  const { root } = protobuf.parse(source, new protobuf.Root(), { keepCase: true });
  return root.resolveAll().lookupType("inference.ModelConfig");
}

export const modelConfigType = loadType();
