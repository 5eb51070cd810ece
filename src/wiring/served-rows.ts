/** What is served, a row a model version, for the operator who starts or watches the gateway. */
import type { ModelRepository } from "../registry/repository.ts";
import type { Served } from "../scheduling/served.ts";

export interface ServedRow {
  readonly model: string;
  /** Empty where no version was ever tried. */
  readonly version: string;
  readonly state: string;
  /** Why it is not READY; may be empty. */
  readonly reason: string;
  readonly instances: number;
  /** Whether a probe at load found the same bits alone and in a batch; undefined: not tried. */
  readonly batchInvariant: boolean | undefined;
}

export function servedRows(repository: ModelRepository<Served>): readonly ServedRow[] {
  const served = new Map(
    repository
      .served()
      .map(({ definition: { name, version }, loaded }) => [`${name}/${version}`, loaded.instances]),
  );
  return repository.index(false).map(({ name, version, state, reason }) => {
    const instances = served.get(`${name}/${version}`) ?? [];
    const batchInvariant = instances[0]?.report.batchInvariant;
    return { model: name, version, state, reason, instances: instances.length, batchInvariant };
  });
}
