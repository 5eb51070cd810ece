/** What a direct call is answered with. */
import type { StatusError } from "../../errors.ts";
import type { KnownAnswer } from "./known-answer.ts";
import type { WrittenAnswer } from "./write-answer.ts";

export type DirectAnswer =
  | ({ readonly kind: "written" } & WrittenAnswer)
  | { readonly kind: "known"; readonly known: KnownAnswer }
  | { readonly kind: "error"; readonly error: StatusError };
