/** grpc.health.v1: one state for the whole server, whatever service is asked for, as in Triton. */
import { join } from "node:path";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { packageRoot } from "../package-root.ts";
import type { SendUnary, ServiceDefinition, StreamingCall } from "./transport/method.ts";
import type { GrpcServer } from "./transport/server.ts";

export interface HealthSource {
  /** True while the server answers inference requests. */
  ready(): boolean;
  /** Calls `changed` whenever `ready` may answer differently. @returns what ends the subscription. */
  subscribe(changed: () => void): () => void;
}

const SERVICE = "grpc.health.v1.Health";

/** For reflection. */
export function loadHealthPackage(): PackageDefinition {
  return loadSync(join(packageRoot, "proto/health.proto"), { enums: String, keepCase: true });
}

export function addHealth(server: Pick<GrpcServer, "addService">, source: HealthSource): void {
  const definition = loadHealthPackage()[SERVICE] as ServiceDefinition;
  const status = () => ({ status: source.ready() ? "SERVING" : "NOT_SERVING" });
  const implementation = {
    Check: (_call: unknown, respond: SendUnary) => respond(null, status()),
    Watch: (call: StreamingCall) => watch(call, source, status),
  };
  // A watch has no end of its own: drain closes it.
  server.addService(definition, implementation, { holdsDrain: false });
}

function watch(
  call: StreamingCall,
  source: HealthSource,
  status: () => { readonly status: string },
): void {
  let last = "";
  const tell = () => {
    const now = status();
    if (now.status === last) return;
    last = now.status;
    call.write(now);
  };
  const unsubscribe = source.subscribe(tell);
  call.on("close", unsubscribe);
  tell();
}
