/**
 * Who may ask for what: every RPC and every HTTP route has a row here. One without fails the start of
 * the gateway and the tests, so that nothing new is open by oversight.
 */
import type { Role } from "../inference/caller.ts";

/** One of these roles is needed (`admin` always does), or nobody is asked who he is. */
export type Need = readonly Role[] | "anybody";

/** Probes of orchestrators, who have no credentials. */
const ANYBODY: Need = "anybody";
/** What a client reads before it infers, and a monitor whenever it likes. */
const READ: Need = ["infer", "observe"];
const INFER: Need = ["infer"];
const OBSERVE: Need = ["observe"];
const OPERATE: Need = ["operate"];
const REGISTER: Need = ["register"];
const ADMIN: Need = ["admin"];
/** Whoever belongs to a tenant, whatever he may do there. */
const SOMEBODY: Need = ["infer", "observe", "operate", "register"];

const SERVICE = "/inference.GRPCInferenceService/";
const inference = (rows: Readonly<Record<string, Need>>) =>
  Object.fromEntries(Object.entries(rows).map(([rpc, need]) => [SERVICE + rpc, need]));

/** By path. */
export const RPC_ACCESS: Readonly<Record<string, Need>> = {
  ...inference({
    ServerLive: ANYBODY,
    ServerReady: ANYBODY,
    ModelReady: READ,
    ServerMetadata: READ,
    ModelMetadata: READ,
    ModelConfig: READ,
    ModelInfer: INFER,
    ModelStreamInfer: INFER,
    // CMSSW compares servers by them, and asks before and after an event.
    ModelStatistics: READ,
    RepositoryIndex: READ,
    RepositoryModelLoad: OPERATE,
    RepositoryModelUnload: OPERATE,
    SystemSharedMemoryStatus: ADMIN,
    SystemSharedMemoryRegister: ADMIN,
    SystemSharedMemoryUnregister: ADMIN,
    CudaSharedMemoryStatus: ADMIN,
    CudaSharedMemoryRegister: ADMIN,
    CudaSharedMemoryUnregister: ADMIN,
    TraceSetting: ADMIN,
    LogSettings: ADMIN,
  }),
  "/grpc.health.v1.Health/Check": ANYBODY,
  "/grpc.health.v1.Health/Watch": ANYBODY,
  "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": READ,
  "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": READ,
};

const VERSION = "/versions/:version(^[0-9]+$|^[a-z][a-z0-9_-]{1,63}$)";
/** A route of a model, with and without a version. */
const ofModel = (method: string, rest: string, need: Need): Record<string, Need> => ({
  [`${method} /v2/models/:model${rest}`]: need,
  [`${method} /v2/models/:model${VERSION}${rest}`]: need,
});
const ofMemory = (kind: string, method: string, action: string): Record<string, Need> => ({
  [`${method} /v2/${kind}sharedmemory/${action}`]: ADMIN,
  [`${method} /v2/${kind}sharedmemory/region/:region/${action}`]: ADMIN,
});
const REGISTRY = "/v2/beamgate/registry";
const UPLOAD = "/v2/beamgate/uploads/:digest";

/** By method and pattern, as the route was registered. Methods that a route refuses need no row. */
export const HTTP_ACCESS: Readonly<Record<string, Need>> = {
  "GET /v2/health/live": ANYBODY,
  "GET /v2/health/ready": ANYBODY,
  "GET /v2": READ,
  "GET /v2/openapi.json": READ,
  ...ofModel("GET", "/ready", READ),
  ...ofModel("GET", "", READ),
  ...ofModel("GET", "/config", READ),
  ...ofModel("GET", "/stats", READ),
  "GET /v2/models/stats": READ,
  ...ofModel("POST", "/infer", INFER),
  ...ofModel("POST", "/generate", INFER),
  ...ofModel("POST", "/generate_stream", INFER),
  "POST /v2/repository/index": READ,
  "POST /v2/repository/:repository/index": READ,
  "POST /v2/repository/models/:model/load": OPERATE,
  "POST /v2/repository/models/:model/unload": OPERATE,
  "POST /v2/repository/:repository/models/:model/load": OPERATE,
  "POST /v2/repository/:repository/models/:model/unload": OPERATE,
  ...ofMemory("system", "GET", "status"),
  ...ofMemory("system", "POST", "register"),
  ...ofMemory("system", "POST", "unregister"),
  ...ofMemory("cuda", "GET", "status"),
  ...ofMemory("cuda", "POST", "register"),
  ...ofMemory("cuda", "POST", "unregister"),
  "GET /v2/trace/setting": ADMIN,
  "POST /v2/trace/setting": ADMIN,
  "GET /v2/models/:model/trace/setting": ADMIN,
  "POST /v2/models/:model/trace/setting": ADMIN,
  "GET /v2/logging": ADMIN,
  "POST /v2/logging": ADMIN,
  "GET /v2/beamgate/who": SOMEBODY,
  "GET /v2/beamgate/gateways": OBSERVE,
  "GET /v2/beamgate/devices": OBSERVE,
  "GET /v2/beamgate/devices/:device": OBSERVE,
  "POST /v2/beamgate/devices/:device/drain": OPERATE,
  "POST /v2/beamgate/devices/:device/undrain": OPERATE,
  "POST /v2/beamgate/devices/:device/lease": OPERATE,
  "POST /v2/beamgate/devices/:device/release": OPERATE,
  "GET /v2/beamgate/explain/:requestId": OBSERVE,
  "GET /v2/beamgate/loadtests": OBSERVE,
  "POST /v2/beamgate/loadtests": OPERATE,
  "POST /v2/beamgate/loadtests/:run/stop": OPERATE,
  "GET /v2/beamgate/loadtests/:run/report": OBSERVE,
  "GET /v2/beamgate/loadtests/:run/result": OBSERVE,
  "GET /v2/beamgate/usage": OBSERVE,
  "GET /v2/beamgate/tenants": OBSERVE,
  "GET /v2/beamgate/tenants/:tenant": OBSERVE,
  "POST /v2/beamgate/tenants/:tenant": OPERATE,
  "DELETE /v2/beamgate/tenants/:tenant": OPERATE,
  "GET /v2/beamgate/tenancy/audit": OBSERVE,
  "GET /v2/beamgate/reservations": OBSERVE,
  "POST /v2/beamgate/reservations": OPERATE,
  "DELETE /v2/beamgate/reservations/:reservation": OPERATE,
  [`GET ${REGISTRY}`]: OBSERVE,
  [`GET ${REGISTRY}/models/:name`]: OBSERVE,
  [`GET ${REGISTRY}/verdicts/:digest`]: OBSERVE,
  [`GET ${REGISTRY}/vendors`]: OBSERVE,
  [`GET ${REGISTRY}/audit`]: OBSERVE,
  [`POST ${REGISTRY}/models/:name/versions/:version/artifacts`]: REGISTER,
  [`POST ${REGISTRY}/dry-run`]: REGISTER,
  [`POST ${REGISTRY}/models/:name/verify`]: REGISTER,
  [`POST ${REGISTRY}/models/:name/promote`]: REGISTER,
  [`POST ${REGISTRY}/models/:name/rollback`]: REGISTER,
  [`POST ${REGISTRY}/models/:name/pin`]: REGISTER,
  [`POST ${REGISTRY}/models/:name/unpin`]: REGISTER,
  [`POST ${REGISTRY}/models/:name/retire`]: REGISTER,
  [`DELETE ${REGISTRY}/models/:name`]: REGISTER,
  [`DELETE ${REGISTRY}/models/:name/aliases/:alias`]: REGISTER,
  [`GET ${UPLOAD}`]: REGISTER,
  [`HEAD ${UPLOAD}`]: REGISTER,
  [`PATCH ${UPLOAD}`]: REGISTER,
  [`POST ${UPLOAD}/finish`]: REGISTER,
  "GET /metrics": OBSERVE,
  // The page itself shows nothing; what it shows it asks for.
  "GET /": ANYBODY,
  "GET /dashboard/*": ANYBODY,
  "GET /v2/beamgate/dashboard/snapshot": OBSERVE,
  "GET /v2/beamgate/dashboard/events": OBSERVE,
  "GET /v2/beamgate/dashboard/requests": OBSERVE,
  "POST /v2/beamgate/session": ANYBODY,
  "DELETE /v2/beamgate/session": ANYBODY,
  // The same for every gateway; whoever got an alert follows a link.
  "GET /runbook": ANYBODY,
  "GET /runbook/:page": ANYBODY,
};

/** @param what `/package.Service/Method`, or `GET /pattern`. @throws Error where there is no row for it */
export function needOf(table: Readonly<Record<string, Need>>, what: string): Need {
  const need = Object.hasOwn(table, what) ? table[what] : undefined;
  if (need !== undefined) return need;
  throw new Error(
    `${what}: nobody has said who may ask for it; add a row to src/tenants/access-table.ts`,
  );
}
