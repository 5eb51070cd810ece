/** `GET /runbook/{page}`: what to do when an alert fires; on the metrics port as well, which alerts know. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { StatusError } from "../errors.ts";
import { route } from "./app.ts";

/** Markdown by name. */
export type RunbookPages = ReadonlyMap<string, string>;

export function addRunbook(app: FastifyInstance, pages: RunbookPages): void {
  route(app, "GET", "/runbook", (_request, reply) => sendText(reply, contents(pages)));
  route<{ page: string }>(app, "GET", "/runbook/:page", ({ params: { page } }, reply) => {
    const text = pages.get(page);
    if (text !== undefined) return sendText(reply, text);
    throw new StatusError("NOT_FOUND", "there is no such page of the runbook; /runbook lists them");
  });
}

function contents(pages: RunbookPages): string {
  const lines = [...pages].map(([name, text]) => `- [${titleOf(text)}](/runbook/${name})\n`);
  return `# Runbook\n\n${lines.join("")}`;
}

const titleOf = (text: string) => /^# (.*)$/m.exec(text)?.[1] ?? "";

/** Every browser shows it, and none takes it for anything else. */
function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply
    .header("content-type", "text/plain; charset=utf-8")
    .header("x-content-type-options", "nosniff")
    .send(text);
}
