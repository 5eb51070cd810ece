/** The listener of `--http-port`: Triton's HTTP protocol. */
import type { Restrictions } from "../inference/restriction.ts";
import type { SharedMemoryControl } from "../inference/shared-regions.ts";
import type { Logger } from "../logger.ts";
import { createApp } from "./app.ts";
import { addHealth, type HealthSource } from "./health.ts";
import { addInfer } from "./infer/endpoint.ts";
import type { InferRoom } from "./infer/http-call.ts";
import { HttpListener } from "./listener.ts";
import { addModelPages, type ModelLookup } from "./model-pages.ts";
import { addModelReady, type ModelReady } from "./model-ready.ts";
import { addRepositoryControl, type RepositoryControl } from "./repository-control.ts";
import { addRepositoryIndex, type RepositoryIndex } from "./repository-index.ts";
import { restrict } from "./restricted.ts";
import { addServerMetadata, type ServerMetadata } from "./server-metadata.ts";
import { addSharedMemory } from "./shared-memory.ts";
import { addStatistics, type StatisticsSource } from "./statistics.ts";

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
  readonly repository: RepositoryControl;
  /** undefined: switched off. */
  readonly sharedMemory: SharedMemoryControl | undefined;
  readonly models: ModelLookup;
  readonly statistics: StatisticsSource;
  readonly inference: Omit<InferRoom, "maxInputBytes" | "closing">;
}

export function createHttpServer(options: HttpServerOptions): HttpListener {
  const app = createApp({ maxBodyBytes: options.maxInputBytes, log: options.log });
  if (options.restrictions) restrict(app, options.restrictions);
  addServerMetadata(app, () => options.serverMetadata());
  addHealth(app, options);
  addModelReady(app, options.modelReady);
  addRepositoryIndex(app, options.repositoryIndex);
  addRepositoryControl(app, options.repository);
  addSharedMemory(app, options.sharedMemory);
  addModelPages(app, options.models);
  addStatistics(app, options.statistics);
  addInfer(app, {
    ...options.inference,
    maxInputBytes: options.maxInputBytes,
    closing: () => listener.closing,
  });
  const listener: HttpListener = new HttpListener(
    "http",
    "HTTPService",
    "--http-port",
    app,
    options,
  );
  return listener;
}
