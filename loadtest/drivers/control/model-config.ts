/** What is read of a ModelConfig: Triton's configuration of a model, as gRPC and HTTP give it. */

export interface ModelConfigAnswer {
  readonly config?: ModelConfig;
}

export interface ModelConfig {
  readonly max_batch_size?: number;
  readonly instance_group?: readonly {
    readonly count?: number;
    readonly gpus?: readonly number[];
  }[];
}

/** Instances of all groups: a group has `count` on each of its GPUs. */
export function instancesOf(config: ModelConfig | undefined): number | undefined {
  if (config === undefined) return undefined;
  const groups = config.instance_group ?? [];
  if (groups.length === 0) return undefined;
  return groups.reduce(
    (sum, { count, gpus }) => sum + Math.max(1, count ?? 1) * Math.max(1, gpus?.length ?? 1),
    0,
  );
}
