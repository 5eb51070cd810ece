/** What was handed in is at fault, and there is no verdict that could say so. */
import { StatusError } from "../../errors.ts";

export class GateRefusal extends StatusError {
  /** Which of the checks it is. */
  readonly check: "execution" | "golden" | "load";

  constructor(check: GateRefusal["check"], message: string, options?: ErrorOptions) {
    super("INVALID_ARGUMENT", message, options);
    this.check = check;
  }
}
