/** The backends of this gateway: those of the build, and those that the configuration names by package. */
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BackendModule } from "../../backends/contract.ts";
import { backends } from "../../backends/index.ts";

export { artifactReaders } from "../../backends/readers.ts";

import type { BackendSource } from "../workers/words.ts";

/**
 * Those that take devices of their own only where the configuration names them.
 * @throws Error that names the kind and what is wrong with its package */
export async function backendModules(
  configured: readonly BackendSource[],
): Promise<readonly BackendModule[]> {
  const builtIn = new Map(backends.map((module) => [module.kind, module]));
  const modules = new Map([...builtIn].filter(([, module]) => module.perDevice !== true));
  for (const { kind, package: name } of configured) {
    const module = builtIn.get(kind);
    if (name !== undefined) modules.set(kind, await imported(kind, name));
    else if (module !== undefined) modules.set(kind, module);
    else {
      const known = [...builtIn.keys()].join(", ");
      throw new Error(`backends: there is no backend "${kind}" (${known}); name its package`);
    }
  }
  return [...modules.values()];
}

/**
 * Every backend with devices, as it is configured; one that is not is asked for what it finds here.
 * @throws as `backendModules`
 */
export async function probedBackends(
  configured: readonly BackendSource[],
): Promise<readonly BackendSource[]> {
  const modules = new Map(backends.map((module) => [module.kind, module]));
  for (const module of await backendModules(configured)) modules.set(module.kind, module);
  return [...modules.values()]
    .filter(({ perDevice, formats }) => perDevice === true || Object.keys(formats).length > 0)
    .map(({ kind, probeOptions }) => {
      const source = configured.find((each) => each.kind === kind);
      return source ?? { kind, options: probeOptions };
    });
}

async function imported(kind: string, name: string): Promise<BackendModule> {
  const path = name.startsWith(".") || isAbsolute(name);
  const specifier = path ? pathToFileURL(resolve(name)).href : name;
  let loaded: { default?: Partial<BackendModule> };
  try {
    loaded = await import(specifier);
  } catch (cause) {
    throw new Error(`backends: package ${name} of "${kind}" cannot be imported: ${cause}`, {
      cause,
    });
  }
  if (loaded.default?.kind !== kind || typeof loaded.default.inspect !== "function") {
    throw new Error(`backends: the default export of ${name} is no backend of kind "${kind}"`);
  }
  return loaded.default as BackendModule;
}
