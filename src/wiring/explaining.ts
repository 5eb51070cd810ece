/** Before the line of an inference request: the story of those that somebody may ask about begins. */
import { DEFAULT_TENANT } from "../inference/caller.ts";
import type { InferCall, WireRequest } from "../inference/request.ts";
import { Explain, type ExplainParts } from "../telemetry/explain/explain.ts";

type Infer = (wire: WireRequest, call: InferCall) => void;

/** undefined: nothing is kept. */
export function explainOf(
  settings: { readonly explainRequests: number; readonly explainShare: number },
  clock: Pick<ExplainParts, "now">,
): Explain | undefined {
  const { explainRequests: requests, explainShare: share } = settings;
  if (requests === 0 || share === 0) return undefined;
  return new Explain({ requests, share, random: Math.random, now: clock.now, wallMs: Date.now });
}

/** The line itself where nothing is kept: who configures nothing pays nothing. */
export function explaining(infer: Infer, explain: Pick<Explain, "begin"> | undefined): Infer {
  if (explain === undefined) return infer;
  return (wire, call) => {
    if (wire.id !== "" || wire.bundledIds !== undefined) {
      const story = explain.begin(wire, call.timeline, tenantOf(call));
      if (story !== undefined) call.story = story;
    }
    infer(wire, call);
  };
}

const tenantOf = ({ caller }: InferCall) => (caller?.tenant ?? DEFAULT_TENANT).name;
