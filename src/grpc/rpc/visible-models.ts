/** Inference as one tenant sees it: a model that it may not use is one that nobody knows. */
import { unknownModel } from "../../registry/model-record.ts";
import { mayUse } from "../../tenants/may-use.ts";
import type { Inference } from "./infer.ts";

export function visibleOnly(inference: Inference): Inference {
  return {
    ...inference,
    infer(wire, call) {
      if (mayUse(call.caller, wire.model)) inference.infer(wire, call);
      else call.fail(unknownModel(wire.model));
    },
  };
}
