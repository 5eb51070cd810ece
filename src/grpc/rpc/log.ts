/** LogSettings. */
import { type Implementation, unary } from "./unary.ts";

type Words = Readonly<Record<string, boolean | number | string | undefined>>;

export interface LogControl {
  settings(): Words;
  /** @throws StatusError; then nothing has changed */
  update(words: Words): void;
}

interface Choice {
  readonly parameter_choice?: "bool_param" | "uint32_param" | "string_param";
  readonly bool_param?: boolean;
  readonly uint32_param?: number;
  readonly string_param?: string;
}

interface LogRequest {
  readonly settings: Readonly<Record<string, Choice>>;
}

export function logHandlers(control: LogControl): Implementation {
  return {
    LogSettings: unary(({ settings }: LogRequest) => {
      const words = Object.entries(settings).map(
        ([key, choice]) => [key, chosenOf(choice)] as const,
      );
      if (words.length > 0) control.update(Object.fromEntries(words));
      const now = Object.entries(control.settings());
      return { settings: Object.fromEntries(now.map(([key, value]) => [key, choiceOf(value)])) };
    }),
  };
}

function chosenOf(choice: Choice): boolean | number | string | undefined {
  return choice.parameter_choice === undefined ? undefined : choice[choice.parameter_choice];
}

function choiceOf(value: boolean | number | string | undefined): Choice {
  if (typeof value === "boolean") return { bool_param: value };
  return typeof value === "number" ? { uint32_param: value } : { string_param: value ?? "" };
}
