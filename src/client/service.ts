/** The service as the protocol's file defines it. */
import { join } from "node:path";
import type { MethodDefinition } from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";
import { packageRoot } from "../package-root.ts";

const SERVICE = "inference.GRPCInferenceService";

// biome-ignore lint/suspicious/noExplicitAny: what proto-loader makes of a message has no type of its own
export type Method = MethodDefinition<any, any>;

export interface Methods {
  /** Of tensors: 64-bit numbers are texts, because parameters and contents need all their digits. */
  readonly exact: Readonly<Record<string, Method>>;
  /** Of everything else: 64-bit numbers are numbers; counts and times stay below 2^53 for a long while. */
  readonly plain: Readonly<Record<string, Method>>;
}

let loaded: Methods | undefined;

/** Reads the file once a process. Field names are in camel case. */
export function methods(): Methods {
  loaded ??= { exact: load(String), plain: load(Number) };
  return loaded;
}

function load(longs: StringConstructor | NumberConstructor) {
  const definition = loadSync("grpc_service.proto", {
    includeDirs: [join(packageRoot, "proto")],
    longs,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  return definition[SERVICE] as ServiceDefinition as Readonly<Record<string, Method>>;
}
