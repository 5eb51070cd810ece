/** A quantised network that takes and gives floats, as one model among others. */
import { type Layout, layoutOf } from "../../../backends/common/fixed-point/layout.ts";
import { type NetworkTensor, readNetwork } from "../../../backends/common/fixed-point/network.ts";
import { quantize, restore } from "../../../backends/common/fixed-point/rows.ts";
import { compileNetwork } from "../../../backends/xilinx-u50/board/compile-network.ts";
import { floatsOf, fp32, type RunModel } from "../recipe.ts";

export function fixedPointModel(json: unknown): RunModel {
  const { inputs, outputs, run } = compileNetwork(readNetwork(json));
  const [taken, given] = [inputs.map(layout), outputs.map(layout)];
  return async (tensors) => {
    const rows = tensors[inputs[0]?.name ?? ""]?.shape[0] ?? 0;
    const room = ({ rowBytes }: Layout) => new Uint8Array(rows * rowBytes);
    const sources = taken.map((one) => {
      const { buffer, byteOffset, byteLength } = floatsOf(tensors, one.tensor.name);
      const memory = room(one);
      quantize(new Uint8Array(buffer, byteOffset, byteLength), one, rows, memory);
      return memory;
    });
    const results = given.map(room);
    run(rows, sources, results);
    return Object.fromEntries(
      given.map((one, n) => {
        const values = new Float32Array(rows * one.elements);
        restore(results[n] as Uint8Array, one, rows, new Uint8Array(values.buffer));
        return [one.tensor.name, fp32(values, [rows, one.elements])];
      }),
    );
  };
}

function layout({ name, elements, type }: NetworkTensor): Layout {
  return layoutOf({ name, datatype: "FP32", shape: [elements], encoding: type });
}
