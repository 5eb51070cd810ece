import { describe, expect, it } from "vitest";
import { checkEnsemble } from "./check-ensemble.ts";
import type { ModelConfigFields } from "./model-config.ts";

const step = (input_map: Record<string, string>, output_map: Record<string, string>) => ({
  model_name: "m",
  input_map,
  output_map,
});
const chain = [step({ x: "in" }, { y: "mid" }), step({ x: "mid" }, { y: "out" })];
const config = (steps: ModelConfigFields["ensemble_scheduling"], more: ModelConfigFields = {}) => ({
  name: "e",
  platform: "ensemble",
  input: [{ name: "in" }],
  output: [{ name: "out" }],
  ...(steps === undefined ? {} : { ensemble_scheduling: steps }),
  ...more,
});

describe("the steps of an ensemble, looked at on their own", () => {
  it("pass where every tensor comes from somewhere and leads somewhere, in any order", () => {
    expect(() => checkEnsemble(config({ step: chain }))).not.toThrow();
    expect(() => checkEnsemble(config({ step: chain.toReversed() }))).not.toThrow();
  });

  it.each<[string, ModelConfigFields, RegExp]>([
    [
      "no plan",
      config(undefined),
      /^ensemble scheduling must be set for ensemble e whose platform is ensemble$/,
    ],
    [
      "another platform",
      config({ step: chain }, { platform: "onnxruntime_onnx" }),
      /cannot be set for model 'e' whose platform is not ensemble/,
    ],
    [
      "instances",
      config({ step: chain }, { instance_group: [{}] }),
      /instance group should not be specified for ensemble 'e'/,
    ],
    [
      "optimization",
      config({ step: chain }, { optimization: {} }),
      /optimization should not be specified/,
    ],
    [
      "warm-up",
      config({ step: chain }, { model_warmup: [{}] }),
      /model_warmup can not be specified/,
    ],
    ["no step", config({ step: [] }), /must specify 'step' for ensemble 'e'/],
    [
      "a step without model",
      config({ step: [{ ...chain[0], model_name: "" }] }),
      /must specify 'model_name' in step 0/,
    ],
    [
      "a step without inputs",
      config({ step: [step({}, { y: "out" })] }),
      /must specify 'input_map' in step 0/,
    ],
    [
      "a step without outputs",
      config({ step: [step({ x: "in" }, {})] }),
      /must specify 'output_map' in step 0/,
    ],
    [
      "two writers",
      config({ step: [...chain, step({ x: "in" }, { y: "mid" })] }),
      /'mid' can appear in an output map only once for ensemble 'e' step 2/,
    ],
    [
      "an unused input",
      config({ step: chain }, { input: [{ name: "in" }, { name: "idle" }] }),
      /ensemble input 'idle' for ensemble e is not used/,
    ],
    [
      "an output from nowhere",
      config({ step: chain }, { output: [{ name: "none" }] }),
      /ensemble output 'none' for ensemble e is not used/,
    ],
    [
      "a tensor that leads nowhere",
      config({ step: [...chain, step({ x: "in" }, { y: "end" })] }),
      /ensemble tensor 'end' is unused in ensemble 'e'/,
    ],
    [
      "steps in a circle",
      config({
        step: [step({ x: "in", z: "b" }, { y: "a" }), step({ x: "a" }, { y: "b", w: "out" })],
      }),
      /output 'out' for ensemble 'e' is not written/,
    ],
  ])("are refused with %s", (_, wrong, text) => {
    expect(() => checkEnsemble(wrong)).toThrow(text);
  });
});
