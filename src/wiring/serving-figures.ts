/** What the repository says of queues and aliases, for metrics. */
import type { RegisteredModels } from "../registry/published/registered-model.ts";
import type { ModelRepository } from "../registry/repository.ts";
import type { Served } from "../scheduling/served.ts";
import {
  type AliasFigures,
  aliasFigures,
  type QueueFigures,
} from "../telemetry/serving-metrics.ts";

export function queueFigures(repository: ModelRepository<Served>): readonly QueueFigures[] {
  return repository.served().map(({ definition: { name: model, version }, loaded }) => {
    return { model, version, secondsAhead: loaded.secondsAhead };
  });
}

export function* registeredAliases(models: RegisteredModels | undefined): Generator<AliasFigures> {
  for (const name of models?.names() ?? []) {
    yield* aliasFigures(name, models?.find(name)?.aliases ?? {});
  }
}
