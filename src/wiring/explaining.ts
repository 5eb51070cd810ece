/** Before the line of an inference request: the story of those that somebody may ask about begins. */
import type { InferCall, WireRequest } from "../inference/request.ts";
import type { Explain } from "../telemetry/explain/explain.ts";

type Infer = (wire: WireRequest, call: InferCall) => void;

/** The line itself where nothing is kept: who configures nothing pays nothing. */
export function explaining(infer: Infer, explain: Pick<Explain, "begin"> | undefined): Infer {
  if (explain === undefined) return infer;
  return (wire, call) => {
    if (wire.id !== "" || wire.bundledIds !== undefined) {
      const story = explain.begin(wire, call.timeline);
      if (story !== undefined) call.story = story;
    }
    infer(wire, call);
  };
}
