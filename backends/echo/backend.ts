/** The reference backend: gives back what it gets. Used by tests, and as a template. */
import {
  type Backend,
  BackendError,
  type BackendModule,
  type Device,
  type Execution,
  type ModelInstance,
  type ModelVariant,
  type Tensor,
} from "../contract.ts";
import { addAndSubtract, checkAddable } from "./add-sub.ts";
import { firstNumber, sliceRows } from "./elements.ts";
import { crashOnLoad, delay, misbehave } from "./misbehave.ts";
import { type EchoParameters, readParameters } from "./parameters.ts";
import { checkRepeatable, repeatElements } from "./repeat-elements.ts";

/** Requests whose elements are repeated at the same time: they only wait for timers. */
const REPEATED_AT_ONCE = 16;
const DEVICE: Device = { id: "echo:0", vendor: "beamgate", platform: "any" };

export const echo: BackendModule = {
  kind: "echo",
  platforms: ["echo"],
  formats: {},

  async inspect(artifact) {
    if (artifact.format === "echo" || artifact.format === "") return { platform: "any" };
    throw new BackendError("artifact", `echo needs no artifact; got format "${artifact.format}"`);
  },

  async create(): Promise<Backend> {
    return {
      kind: "echo",
      async devices() {
        return [DEVICE];
      },
      async load(variant, device) {
        const parameters = readParameters(variant);
        crashOnLoad(parameters);
        if (parameters.mode === "addsub") checkAddable(variant);
        else if (parameters.mode === "repeat_elements") checkRepeatable(variant);
        else checkPaired(variant);
        return createInstance(variant, device, parameters);
      },
      async close() {},
    };
  },
};

function createInstance(
  variant: ModelVariant,
  device: Device,
  parameters: EchoParameters,
): ModelInstance {
  return {
    device,
    maxInFlight: parameters.mode === "repeat_elements" ? REPEATED_AT_ONCE : 1,

    async execute(execution) {
      misbehave(execution, parameters);
      delay(execution, parameters);
      if (parameters.mode === "addsub") return addAndSubtract(execution, variant);
      return identity(execution, variant);
    },

    // Each member gets its own rows back as often as its first number says.
    async stream(execution, emit, signal) {
      misbehave(execution, parameters);
      delay(execution, parameters);
      if (parameters.mode === "repeat_elements") {
        await repeatElements(execution, variant, emit, signal);
        return;
      }
      const outputs = identity(execution, variant);
      let from = 0;
      for (const [member, { rows }] of execution.members.entries()) {
        const own =
          variant.maxBatchSize > 0
            ? outputs.map((output) => sliceRows(output, from, rows))
            : outputs;
        from += rows;
        const times = repetitions(execution, from - rows, rows, variant.maxBatchSize > 0);
        for (let i = 0; i < times && !signal.aborted; i++) await emit(member, own);
      }
    },

    async unload() {},
  };
}

/** Without a copy: the outputs are views of the inputs. */
function identity(execution: Execution, variant: ModelVariant): Tensor[] {
  return execution.outputs.map((name) => {
    const index = variant.outputs.findIndex((spec) => spec.name === name);
    const inputName = variant.inputs[index]?.name;
    const input = execution.inputs.find((tensor) => tensor.name === inputName);
    if (input !== undefined) return { ...input, name };
    throw new BackendError(
      "input",
      `output "${name}" needs input "${inputName}", which is missing`,
    );
  });
}

function repetitions(execution: Execution, from: number, rows: number, batched: boolean): number {
  const [first] = execution.inputs;
  if (first === undefined) return 0;
  return firstNumber(batched ? sliceRows(first, from, rows) : first);
}

function checkPaired({ inputs, outputs }: ModelVariant): void {
  for (const [i, output] of outputs.entries()) {
    const input = inputs[i];
    if (input?.datatype === output.datatype) continue;
    throw new BackendError(
      "artifact",
      `output "${output.name}": echo returns input ${i}, which is ${input?.datatype ?? "missing"}`,
    );
  }
}
