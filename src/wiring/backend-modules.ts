/** The backends of this gateway: those of the build, and those that the configuration names by package. */
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BackendModule } from "../../backends/contract.ts";
import { backends } from "../../backends/index.ts";

interface ConfiguredBackend {
  readonly kind: string;
  readonly package?: string | undefined;
}

/**
 * Those that take devices of their own only where the configuration names them.
 * @throws Error that names the kind and what is wrong with its package */
export async function backendModules(
  configured: readonly ConfiguredBackend[],
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
