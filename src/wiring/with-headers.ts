/** Before the line of an inference request: its headers become parameters, and maybe it is traced. */
import { toStatusError } from "../errors.ts";
import type { HeaderForwarder } from "../inference/forward-headers.ts";
import type { InferCall, Parameters, WireRequest } from "../inference/request.ts";
import { tapTensors } from "../telemetry/tensor-tap.ts";
import type { Tracer } from "../telemetry/tracer.ts";

type Infer = (wire: WireRequest, call: InferCall) => void;

/** The line itself where there is nothing to do: who configures nothing pays nothing. */
export function withHeaders(
  infer: Infer,
  forwarder: HeaderForwarder | undefined,
  tracer: Tracer | undefined,
): Infer {
  if (forwarder === undefined && tracer === undefined) return infer;
  /** @returns what is asked for in the end */
  const attend = (wire: WireRequest, call: InferCall): WireRequest => {
    const asked = forwarder === undefined ? wire : withForwarded(wire, call, forwarder);
    if (wire.bundled !== undefined) {
      // As many as go untraced, see `Inference.untraced`.
      tracer?.passed(wire.model, call.headers, wire.bundled);
      return asked;
    }
    const trace = tracer?.choose(wire.model, wire.id, call.headers);
    if (trace !== undefined) {
      call.trace = trace;
      if (trace.setting.values.level.includes("TENSORS")) tapTensors(trace, asked, call);
    }
    return asked;
  };
  if (forwarder !== undefined || tracer === undefined) {
    return (wire, call) => infer(attend(wire, call), call);
  }
  // One call of the line for both: else the compiler makes a second copy of all of it for the rare traced request, which
  // then finds nothing of that in the processor's caches.
  return (wire, call) => {
    const untraced = wire.bundled === undefined && tracer.letPass(call.headers);
    infer(untraced ? wire : attend(wire, call), call);
  };
}

/** A header wins over a parameter of its name: a proxy sets headers, any client sets parameters. */
function withForwarded(
  wire: WireRequest,
  call: InferCall,
  forwarder: HeaderForwarder,
): WireRequest {
  let forwarded: Parameters;
  try {
    forwarded = forwarder.of(call.headers ?? {});
  } catch (error) {
    return { ...wire, dataError: wire.dataError ?? toStatusError(error) };
  }
  if (forwarded.size === 0) return wire;
  return { ...wire, parameters: new Map([...(wire.parameters ?? []), ...forwarded]) };
}
