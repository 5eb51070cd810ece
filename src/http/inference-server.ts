/** The listener of `--http-port`: Triton's HTTP protocol. */
import type { Restrictions } from "../inference/restriction.ts";
import type { Logger } from "../logger.ts";
import { createApp } from "./app.ts";
import { addHealth, type HealthSource } from "./health.ts";
import { HttpListener } from "./listener.ts";
import { addModelReady, type ModelReady } from "./model-ready.ts";
import { addRepositoryIndex, type RepositoryIndex } from "./repository-index.ts";
import { restrict } from "./restricted.ts";
import { addServerMetadata, type ServerMetadata } from "./server-metadata.ts";

export interface HttpServerOptions extends HealthSource {
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  readonly maxInputBytes: number;
  readonly log: Logger;
  /** Groups of URLs that need a header. */
  readonly restrictions?: Restrictions;
  serverMetadata(): ServerMetadata;
  readonly modelReady: ModelReady;
  readonly repositoryIndex: RepositoryIndex;
}

export function createHttpServer(options: HttpServerOptions): HttpListener {
  const app = createApp({ maxBodyBytes: options.maxInputBytes, log: options.log });
  if (options.restrictions) restrict(app, options.restrictions);
  addServerMetadata(app, () => options.serverMetadata());
  addHealth(app, options);
  addModelReady(app, options.modelReady);
  addRepositoryIndex(app, options.repositoryIndex);
  return new HttpListener("http", "HTTPService", "--http-port", app, options);
}
