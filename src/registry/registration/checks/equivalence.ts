import { toStatusError } from "../../../errors.ts";
import { checkEquivalence } from "../../../policy/equivalence/check-equivalence.ts";
import { type Check, failed, passed, skipped } from "../check.ts";
import { configurationOrReason } from "../configuration.ts";

/** The class in which the artifact says to compute the same means something for its outputs. */
export const equivalenceCheck: Check = {
  name: "equivalence",
  needs: ["config"],
  run(context) {
    const { equivalence } = context.candidate;
    if (equivalence === undefined) return skipped("no class was declared");
    const settled = configurationOrReason(context);
    if (typeof settled === "string" || settled.signature === undefined) {
      return skipped("there is no configuration to compare it with");
    }
    try {
      checkEquivalence(equivalence, settled.signature.outputs);
      return passed(equivalence.class.kind);
    } catch (thrown) {
      return failed(toStatusError(thrown).message, "declare a class that fits the outputs");
    }
  },
};
