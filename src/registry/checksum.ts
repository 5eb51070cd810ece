/**
 * Triton's repository agent `checksum`: the configuration names MD5 sums of
 * files of the model, and a file that differs is not loaded.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { StatusError } from "../errors.ts";
import type { ModelConfigFields } from "./model-config.ts";
import { checkInsideFolder } from "./paths.ts";

/** @throws StatusError INVALID_ARGUMENT naming the file, or the agent that is not known */
export async function runAgents(config: ModelConfigFields, folder: string): Promise<void> {
  const name = config.name ?? "";
  for (const agent of config.model_repository_agents?.agents ?? []) {
    if (agent.name !== "checksum") {
      throw invalid(`model '${name}': unknown repository agent '${agent.name}', known: checksum`);
    }
    for (const [key, expected] of Object.entries(agent.parameters ?? {})) {
      await checkSum(key, expected, folder, name);
    }
  }
}

/** @param key `MD5:<path below the model's folder>` */
async function checkSum(
  key: string,
  expected: string,
  folder: string,
  name: string,
): Promise<void> {
  const colon = key.indexOf(":");
  const path = key.slice(colon + 1);
  if (key.slice(0, colon) !== "MD5") {
    throw invalid(
      `model '${name}': unexpected parameter '${key}' of agent checksum, expected 'MD5:<path>'`,
    );
  }
  checkInsideFolder(path, "checksum path", name);
  const hash = createHash("md5");
  try {
    const file = join(folder, path);
    if (!(await stat(file)).isFile()) throw new Error("it is not a file");
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    throw invalid(`model '${name}': '${path}' cannot be read to check its MD5 sum`, cause);
  }
  const actual = hash.digest("hex");
  if (actual === expected.trim().toLowerCase()) return;
  throw invalid(
    `model '${name}': Mismatched MD5 hash for file '${path}', expected ${expected}, got ${actual}: ` +
      "the file is damaged, or it was replaced without its sum in model_repository_agents",
  );
}

function invalid(message: string, cause?: unknown): StatusError {
  return new StatusError("INVALID_ARGUMENT", message, { cause });
}
