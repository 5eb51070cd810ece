/** `GET /v2/beamgate/explain/{requestId}`: why a request went to its device and into its batch. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import type { MaySee } from "../inference/request-sample.ts";
import { LONGEST_STORY_ID } from "../inference/story.ts";
import { mayCallerSee } from "../tenants/may-see-request.ts";
import { route } from "./app.ts";
import { callerOfRequest } from "./caller.ts";

/** @returns undefined: the request is not known, or not any more */
export type Explain = (requestId: string, maySee: MaySee) => object | undefined;

/** @param explain undefined: nothing is kept */
export function addExplain(app: FastifyInstance, explain: Explain | undefined): void {
  route<{ requestId: string }>(app, "GET", "/v2/beamgate/explain/:requestId", (request, reply) => {
    const { params } = request;
    const found = explain?.(params.requestId, mayCallerSee(callerOfRequest(request)));
    if (found === undefined) throw unknownRequest(params.requestId, explain !== undefined);
    return reply.send(found);
  });
}

function unknownRequest(id: string, kept: boolean): StatusError {
  const remedy = !kept
    ? "this gateway keeps none (provenance.explainRequests)"
    : id.length > LONGEST_STORY_ID
      ? `ids of more than ${LONGEST_STORY_ID} characters are not kept; give requests shorter ones`
      : "only requests with an id of their own are kept, the newest of those that are sampled " +
        "(provenance.explainRequests, provenance.explainShare)";
  return new StatusError("NOT_FOUND", `nothing is known of request '${id}': ${remedy}`);
}
