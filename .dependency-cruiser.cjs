/**
 * The rooms of the house and the doors between them. `npm run check:layers`.
 *
 * A room sees itself, the base, and the rooms listed here; `cli/` and
 * `gateway.ts` (the composition root) see everything and nobody sees them.
 */
const DOORS = {
  grpc: ["registry", "tenants", "inference"], // what else it needs is handed in as functions
  http: ["registry", "tenants", "policy", "inference"],
  telemetry: ["policy", "inference"],
  scheduling: ["pool", "policy", "inference"],
  pool: ["workers", "policy", "inference"],
  workers: ["inference"],
  tenants: ["inference"],
  registry: ["store", "npz", "policy", "inference"],
  store: ["inference"],
  npz: ["inference"],
  "shared-state": ["policy", "inference"],
  config: [],
  "shared-memory": ["inference"],
  "dial-in": [],
  inference: [],
};

/** One npm package, one room. */
const OWNERS = {
  fastify: ["^src/http/"],
  jose: ["^src/tenants/"],
  ioredis: ["^src/shared-state/"],
  opossum: ["^src/pool/"],
  "prom-client": ["^src/telemetry/"],
  "@grpc/grpc-js": ["^src/grpc/", "^loadtest/drivers/", "^src/client/"],
  "onnxruntime-node": ["^backends/common/onnxruntime/"],
  koffi: [
    "^backends/common/(opencl|linux)/",
    "^src/workers/(slab|libc|posix-spawn)",
    "^src/shared-memory/",
  ],
  "@opentelemetry": ["^src/telemetry/"],
  autocannon: ["^loadtest/"],
  yauzl: ["^src/npz/", "^src/registry/registration/bundle"],
  yazl: ["^src/npz/"],
  "hdr-histogram-js": ["^loadtest/"],
  uplot: ["^loadtest/report/", "^src/http/dashboard/"],
  zod: [
    "^src/config/",
    "^src/registry/",
    "^src/tenants/tenants-file",
    "^backends/[^/]+/options",
    "^loadtest/",
  ],
};

const OURS = "^(src|backends|loadtest|test)/";
const TESTS = "\\.test\\.ts$|^backends/conformance\\.ts$|^test/";
const CONTRACT = "^backends/contract\\.ts$";
const BASE = [CONTRACT, "^src/(errors|clock|lifecycle|logger|package-root)\\.ts$"];
const room = (name) => `^src/${name}/`;

const forbid = (name, from, to) => ({ name, severity: "error", from, to });
const sees = (name, path, allowed) =>
  forbid(name, { path, pathNot: TESTS }, { path: OURS, pathNot: [path, ...allowed] });

module.exports = {
  forbidden: [
    forbid("no-cycles", {}, { circular: true }),

    // The narrow waist: backends see the contract, the contract sees nothing.
    sees("contract", CONTRACT, []),
    forbid(
      "a-backend-sees-the-contract-only",
      { path: "^backends/([^/]+)/", pathNot: TESTS },
      { path: OURS, pathNot: ["^backends/$1/", "^backends/common/", CONTRACT] },
    ),
    forbid(
      "backends-are-wired-in-one-place",
      { path: "^src/", pathNot: ["^src/(wiring/backend-modules|workers/host)\\.ts$", TESTS] },
      { path: "^backends/", pathNot: CONTRACT },
    ),

    // Policies decide; they do no I/O, and one family does not know another.
    forbid(
      "a-policy-family-stands-alone",
      { path: "^src/policy/([^/]+)/", pathNot: TESTS },
      { path: OURS, pathNot: ["^src/policy/$1/", room("inference"), ...BASE] },
    ),
    forbid(
      "policy-does-no-io",
      { path: room("policy"), pathNot: TESTS },
      { dependencyTypes: ["core", "npm"] },
    ),

    // The load generator is a client: it knows the wire, not the gateway.
    sees("loadtest", "^loadtest/", [
      room("inference"),
      room("npz"),
      "^src/grpc/(codec|generated/)",
      CONTRACT,
      "^src/(errors|clock|package-root)\\.ts$",
      "^src/config/nearest\\.ts$",
    ]),
    forbid(
      "loadtest-sees-the-data-of-the-models-only",
      { path: "^loadtest/", pathNot: TESTS },
      { path: "^models/", pathNot: "^models/make/(data/|random\\.ts$)" },
    ),

    // The client is for other people's programs: it knows the protocol's file, and where it lies.
    sees("client", room("client"), ["^src/package-root\\.ts$"]),
    forbid(
      "the-gateway-does-not-see-its-client",
      { path: "^(src|backends|loadtest)/", pathNot: [room("client"), TESTS] },
      { path: room("client") },
    ),

    ...Object.entries(DOORS).map(([name, doors]) =>
      sees(name, room(name), [
        ...doors.map(room),
        ...BASE,
        ...(name === "workers" ? ["^backends/index\\.ts$"] : []), // host.ts only: the rule above
        ...(name === "tenants" ? ["^src/config/nearest\\.ts$"] : []), // its file suggests, like the configuration's
      ]),
    ),
    ...Object.entries(OWNERS).map(([pkg, rooms]) =>
      forbid(
        `${pkg}-has-its-room`,
        { path: OURS, pathNot: [...rooms, TESTS] },
        { path: `node_modules/${pkg}/` },
      ),
    ),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types"],
    },
  },
};
