/** `beamgate model check-config`: what is wrong with a configuration, before a server reads it. */
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { toStatusError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import { checkGeneral } from "./check.ts";
import { completeDefaults } from "./complete.ts";
import { readConfigFile } from "./config-pbtxt.ts";
import { fieldsOf } from "./model-config.ts";
import type { InspectingModule } from "./modules.ts";
import { noVersion, prepareModel, readModel } from "./prepare.ts";
import type { ModelConfigObject } from "./types.ts";

export interface CheckedConfig {
  /** As the file says it; for a folder, completed as a server would. undefined: nothing could be read. */
  readonly config: ModelConfigObject | undefined;
  /** Empty: it can be served. Each is a sentence that names what, where and what to do. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * @param path a config.pbtxt, checked on its own; or a model's folder, checked against its artifact
 * @param autoComplete false as with `--disable-auto-complete-config`
 */
export async function checkConfig(
  path: string,
  modules: readonly InspectingModule[],
  autoComplete = true,
): Promise<CheckedConfig> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) {
    return { config: undefined, problems: [`'${path}' does not exist`], warnings: [] };
  }
  return facts.isDirectory() ? checkFolder(resolve(path), modules, autoComplete) : checkFile(path);
}

async function checkFile(path: string): Promise<CheckedConfig> {
  let config: ModelConfigObject | undefined;
  try {
    config = await readConfigFile(path);
    checkGeneral(fieldsOf(config));
    return { config, problems: [], warnings: [] };
  } catch (thrown) {
    return { config, problems: [problem(thrown, config === undefined ? "" : path)], warnings: [] };
  }
}

async function checkFolder(
  folder: string,
  modules: readonly InspectingModule[],
  autoComplete: boolean,
): Promise<CheckedConfig> {
  const warnings: string[] = [];
  const options = { modules, autoComplete, log: collector(warnings) };
  const where = join(folder, "config.pbtxt");
  let config: ModelConfigObject | undefined;
  try {
    const model = await readModel(folder, options);
    config = completeDefaults(model.config);
    if (model.existing.length === 0) {
      // A folder without artifacts is a template: there is nothing to check it against.
      warnings.push(`model '${basename(folder)}' has no version folder yet`);
      return { config, problems: [], warnings };
    }
    warnings.length = 0;
    const versions = await prepareModel(folder, options);
    if (versions.length === 0) throw noVersion(basename(folder));
    const problems = versions.flatMap((version) =>
      "error" in version ? [problem(version.error, join(folder, version.version))] : [],
    );
    const complete = versions.find((version) => "definition" in version);
    if (complete !== undefined && "definition" in complete) config = complete.definition.config;
    return { config, problems, warnings };
  } catch (thrown) {
    const hasFile = (await readdir(folder).catch((): string[] => [])).includes("config.pbtxt");
    return { config, problems: [problem(thrown, hasFile ? where : folder)], warnings };
  }
}

/** The place in front, unless the sentence names it already. */
function problem(thrown: unknown, where: string): string {
  const { message } = toStatusError(thrown);
  return where === "" || message.includes(where) ? message : `${where}: ${message}`;
}

function collector(warnings: string[]): Logger {
  const keep = (message: string) => void warnings.push(message);
  return { debug() {}, info() {}, warn: keep, error: keep };
}
