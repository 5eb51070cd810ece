/** Which function answers which RPC of the inference service. A table, nothing else. */
import type { ServiceDefinition } from "@grpc/proto-loader";
import type { SharedMemoryControl } from "../inference/shared-regions.ts";
import { type InferenceDefinition, SERVICE_NAME } from "./rpc/definition.ts";
import { type Inference, inferHandler } from "./rpc/infer.ts";
import { type LogControl, logHandlers } from "./rpc/log.ts";
import { type ModelLookup, modelHandlers } from "./rpc/model.ts";
import { type RepositoryAccess, repositoryHandlers } from "./rpc/repository.ts";
import { type ServerFacts, serverHandlers } from "./rpc/server.ts";
import { sharedMemoryHandlers } from "./rpc/shared-memory.ts";
import { type StatisticsSource, statisticsHandlers } from "./rpc/statistics.ts";
import { streamHandler } from "./rpc/stream.ts";
import { type TraceControl, traceHandlers } from "./rpc/trace.ts";
import type { Implementation } from "./rpc/unary.ts";
import { visibleOnly } from "./rpc/visible-models.ts";
import type { HotHandler } from "./transport/hot-call.ts";
import type { HotStreamHandler } from "./transport/hot-stream.ts";

export interface InferenceService {
  readonly server: ServerFacts;
  readonly inference: Inference;
  readonly models: ModelLookup;
  readonly statistics: StatisticsSource;
  readonly repository: RepositoryAccess;
  /** undefined: switched off. */
  readonly sharedMemory: SharedMemoryControl | undefined;
  readonly trace: TraceControl;
  readonly log: LogControl;
}

/** The part of the gRPC server that registering needs. */
export interface ServiceRegistry {
  addService(definition: ServiceDefinition, implementation: Implementation): void;
  addHotUnary(path: string, handler: HotHandler): void;
  addHotStream(path: string, handler: HotStreamHandler): void;
}

export function registerInferenceService(
  registry: ServiceRegistry,
  definition: InferenceDefinition,
  service: InferenceService,
): void {
  registry.addService(definition.service, {
    ...serverHandlers(service.server),
    ...modelHandlers(service.models),
    ...statisticsHandlers(service.statistics),
    ...repositoryHandlers(service.repository),
    ...sharedMemoryHandlers(service.sharedMemory),
    ...traceHandlers(service.trace),
    ...logHandlers(service.log),
  });
  const inference = visibleOnly(service.inference);
  registry.addHotUnary(`/${SERVICE_NAME}/ModelInfer`, inferHandler(inference));
  registry.addHotStream(`/${SERVICE_NAME}/ModelStreamInfer`, streamHandler(inference));
}
