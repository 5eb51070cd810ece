/** ModelStatistics, in the words that gRPC and HTTP share. */
import type { CountAndTime, Statistics } from "./control.ts";

/** Integers of 64 bits come as numbers or as text. */
type Int = number | string;

interface Duration {
  readonly count?: Int;
  readonly ns?: Int;
}

interface OneModel {
  readonly inference_count?: Int;
  readonly execution_count?: Int;
  readonly inference_stats?: Readonly<Record<string, Duration>>;
  readonly batch_stats?: readonly {
    readonly batch_size?: Int;
    readonly compute_infer?: Duration;
  }[];
}

export interface StatisticsAnswer {
  readonly model_stats?: readonly OneModel[];
}

/** All versions that the answer holds, together. */
export function readStatistics(answer: StatisticsAnswer): Statistics {
  const models = answer.model_stats ?? [];
  const sum = (of: (model: OneModel) => Int | undefined) =>
    models.reduce((total, model) => total + Number(of(model) ?? 0), 0);
  const time = (name: string): CountAndTime => ({
    count: sum((model) => model.inference_stats?.[name]?.count),
    ms: sum((model) => model.inference_stats?.[name]?.ns) / 1e6,
  });
  const batches = new Map<number, number>();
  for (const { batch_stats = [] } of models) {
    for (const { batch_size = 0, compute_infer } of batch_stats) {
      const rows = Number(batch_size);
      batches.set(rows, (batches.get(rows) ?? 0) + Number(compute_infer?.count ?? 0));
    }
  }
  return {
    inferences: sum((model) => model.inference_count),
    executions: sum((model) => model.execution_count),
    success: time("success"),
    fail: time("fail"),
    queue: time("queue"),
    computeInput: time("compute_input"),
    computeInfer: time("compute_infer"),
    computeOutput: time("compute_output"),
    batches,
  };
}

/** What happened between two looks. */
export function statisticsBetween(before: Statistics, after: Statistics): Statistics {
  const less = (a: CountAndTime, b: CountAndTime) => ({
    count: b.count - a.count,
    ms: b.ms - a.ms,
  });
  const batches = new Map<number, number>();
  for (const [rows, count] of after.batches) {
    const during = count - (before.batches.get(rows) ?? 0);
    if (during > 0) batches.set(rows, during);
  }
  return {
    inferences: after.inferences - before.inferences,
    executions: after.executions - before.executions,
    success: less(before.success, after.success),
    fail: less(before.fail, after.fail),
    queue: less(before.queue, after.queue),
    computeInput: less(before.computeInput, after.computeInput),
    computeInfer: less(before.computeInfer, after.computeInfer),
    computeOutput: less(before.computeOutput, after.computeOutput),
    batches,
  };
}
