/** The listener of `--metrics-port`: `/metrics` for Prometheus, and what its alerts lead to. */
import { Readable } from "node:stream";
import type { Logger } from "../logger.ts";
import { createApp, route } from "./app.ts";
import { authorize, type Gate } from "./authorize.ts";
import { HttpListener } from "./listener.ts";
import { addRunbook, type RunbookPages } from "./runbook.ts";

export interface MetricsServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly log: Logger;
  /** undefined: nobody is asked who he is. */
  readonly gate?: Gate | undefined;
  /** Default: without pages. */
  readonly runbook?: RunbookPages;
  readonly metrics: {
    /** @param accept of the request. `pieces` are sent as they come */
    page(accept: string | undefined): {
      readonly contentType: string;
      readonly pieces: AsyncIterable<string>;
    };
  };
}

/** Nobody has a reason to send a scrape a body. */
const MAX_BODY_BYTES = 1024;

export function createMetricsServer(options: MetricsServerOptions): HttpListener {
  const { metrics, log } = options;
  const app = createApp({ maxBodyBytes: MAX_BODY_BYTES, log });
  authorize(app, options.gate);
  route(app, "GET", "/metrics", async (request, reply) => {
    const { contentType, pieces } = metrics.page(request.headers.accept);
    const iterator = pieces[Symbol.asyncIterator]();
    // What goes wrong before anything was sent is told by the status.
    const first = await iterator.next();
    return reply.header("content-type", contentType).send(Readable.from(rest(first, iterator)));
  });
  addRunbook(app, options.runbook ?? new Map());
  return new HttpListener("metrics", "Metrics Service", "--metrics-port", app, options);
}

/** Bytes: a stream of strings would count its room in pieces. */
async function* rest(
  first: IteratorResult<string>,
  iterator: AsyncIterator<string>,
): AsyncGenerator<Buffer> {
  for (let next = first; next.done !== true; next = await iterator.next()) {
    yield Buffer.from(next.value);
  }
}
