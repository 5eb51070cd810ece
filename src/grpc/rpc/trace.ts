/** TraceSetting. */
import { type Implementation, unary } from "./unary.ts";

type Words = ReadonlyMap<string, readonly string[]>;

export interface TraceControl {
  /** @param model empty: the global settings. @throws StatusError for a model that is not ready */
  settings(model: string): Words;
  /** An empty list clears. @throws StatusError; then nothing has changed */
  update(model: string, words: Words): void;
}

interface TraceRequest {
  readonly settings: Readonly<Record<string, { readonly value: readonly string[] }>>;
  readonly model_name: string;
}

export function traceHandlers(control: TraceControl): Implementation {
  return {
    TraceSetting: unary(({ settings, model_name }: TraceRequest) => {
      const words = Object.entries(settings).map(([key, { value }]) => [key, value] as const);
      if (words.length > 0) control.update(model_name, new Map(words));
      const now = [...control.settings(model_name)].map(([key, value]) => [key, { value }]);
      return { settings: Object.fromEntries(now) };
    }),
  };
}
