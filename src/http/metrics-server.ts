/** The listener of `--metrics-port`: `/metrics` for Prometheus, and nothing else. */
import type { Logger } from "../logger.ts";
import { createApp, route } from "./app.ts";
import { authorize, type Gate } from "./authorize.ts";
import { HttpListener } from "./listener.ts";

export interface MetricsServerOptions {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly log: Logger;
  /** undefined: nobody is asked who he is. */
  readonly gate?: Gate | undefined;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
}

/** Nobody has a reason to send a scrape a body. */
const MAX_BODY_BYTES = 1024;

export function createMetricsServer(options: MetricsServerOptions): HttpListener {
  const { metrics, log } = options;
  const app = createApp({ maxBodyBytes: MAX_BODY_BYTES, log });
  authorize(app, options.gate);
  route(app, "GET", "/metrics", async (_request, reply) =>
    reply.header("content-type", metrics.contentType).send(await metrics.render()),
  );
  return new HttpListener("metrics", "Metrics Service", "--metrics-port", app, options);
}
