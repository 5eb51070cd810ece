/** The service as proto/grpc_service.proto defines it, in the form that servers, clients and reflection take. */
import { join } from "node:path";
import {
  loadSync,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from "@grpc/proto-loader";
import { packageRoot } from "../../package-root.ts";

/** The options of Triton's official Node client: field names as in the file, 64-bit numbers and enums as text. */
export const LOADER_OPTIONS: Options = {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
};

export const SERVICE_NAME = "inference.GRPCInferenceService";

export interface InferenceDefinition {
  /** Everything in the file; what reflection serves. */
  readonly package: PackageDefinition;
  readonly service: ServiceDefinition;
}

/** Reads and parses the files in `proto/`; once per process is enough. */
export function loadInferenceDefinition(): InferenceDefinition {
  const folder = join(packageRoot, "proto");
  const definition = loadSync("grpc_service.proto", { ...LOADER_OPTIONS, includeDirs: [folder] });
  return { package: definition, service: definition[SERVICE_NAME] as ServiceDefinition };
}
