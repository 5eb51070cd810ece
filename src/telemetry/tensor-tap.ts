/** Listens in on a traced request: its inputs as they came, its outputs as they leave. */
import type { InferCall, WireRequest } from "../inference/request.ts";
import type { RequestTrace } from "./request-trace.ts";
import { tensorText } from "./tensor-text.ts";

export function tapTensors({ tensors }: RequestTrace, wire: WireRequest, call: InferCall): void {
  for (const { name, datatype, shape, data } of wire.inputs) {
    if (data === undefined) continue;
    const bytes = data.pieces.length === 1 ? data.pieces[0] : Buffer.concat(data.pieces);
    const text = tensorText(datatype, bytes ?? Buffer.alloc(0));
    tensors.push({ activity: "TENSOR_QUEUE_INPUT", name, shape, datatype, data: text });
  }
  const respond = call.respond.bind(call);
  call.respond = (response, final) => {
    for (const { name, datatype, shape, data } of response.outputs) {
      const text = tensorText(datatype, data);
      tensors.push({ activity: "TENSOR_BACKEND_OUTPUT", name, shape, datatype, data: text });
    }
    respond(response, final);
  };
}
