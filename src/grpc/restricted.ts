/** Which RPCs belong to which group that `--grpc-restricted-protocol` can restrict; a table. */
import { StatusError } from "../errors.ts";
import { carries, type RestrictedGroup, type Restrictions } from "../inference/restriction.ts";
import { SERVICE_NAME } from "./rpc/definition.ts";
import type { GrpcServer } from "./transport/server.ts";

const RPCS: Readonly<Record<RestrictedGroup, readonly string[]>> = {
  health: ["ServerLive", "ServerReady", "ModelReady"],
  metadata: ["ServerMetadata", "ModelMetadata"],
  inference: ["ModelInfer", "ModelStreamInfer"],
  "shared-memory": ["Status", "Register", "Unregister"].flatMap((what) => [
    `SystemSharedMemory${what}`,
    `CudaSharedMemory${what}`,
  ]),
  "model-config": ["ModelConfig"],
  "model-repository": ["RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"],
  statistics: ["ModelStatistics"],
  trace: ["TraceSetting"],
  logging: ["LogSettings"],
};
const HEALTH_PATHS = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"];

export function pathsOf(group: RestrictedGroup): readonly string[] {
  const own = RPCS[group].map((rpc) => `/${SERVICE_NAME}/${rpc}`);
  return group === "health" ? [...own, ...HEALTH_PATHS] : own;
}

export function restrict(server: Pick<GrpcServer, "restrict">, restrictions: Restrictions): void {
  for (const [group, header] of restrictions) {
    const text = `This protocol is restricted, expecting header '${header.name}'`;
    const refusal = new StatusError("UNAVAILABLE", text);
    for (const path of pathsOf(group)) {
      server.restrict(path, (headers) => (carries(headers, header) ? undefined : refusal));
    }
  }
}
