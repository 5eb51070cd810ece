/** The backends that may offer models without a folder, as the configuration sets them up. */
import type { BackendModule } from "../../backends/contract.ts";
import type { Logger } from "../logger.ts";
import type { OfferSource } from "../registry/offered-models.ts";
import type { BackendSource } from "../workers/words.ts";

export function offerSources(
  modules: readonly BackendModule[],
  configured: readonly BackendSource[],
  log: Logger,
): readonly OfferSource[] {
  return modules.flatMap((module): OfferSource[] => {
    const source = configured.find(({ kind }) => kind === module.kind);
    const [backend] = module.platforms;
    if (source === undefined || backend === undefined || !module.discover) return [];
    const host = {
      log: (level: keyof Logger, message: string, fields?: object) => log[level](message, fields),
    };
    const discover = async () => module.discover?.(source.options ?? {}, host);
    return [{ kind: module.kind, backend, discover }];
  });
}
