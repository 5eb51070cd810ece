/** The OpenAPI document of every route of the HTTP port: one row a path, its words from `schemas.ts`. */

import { DASHBOARD_ROWS, DASHBOARD_SCHEMAS } from "./dashboard-rows.ts";
import { LOADTEST_ROWS, LOADTEST_SCHEMAS } from "./loadtest-rows.ts";
import { BINARY, type Content, EVENTS, json, type Operation, type Row } from "./operation.ts";
import { REGISTRY_ROWS } from "./registry-rows.ts";
import { REGISTRY_SCHEMAS } from "./registry-schemas.ts";
import { SCHEMAS } from "./schemas.ts";
import { TENANCY_ROWS, TENANCY_SCHEMAS } from "./tenancy-rows.ts";

/** `*` stands for a path with and without `/versions/{version}`. */
const ROWS: readonly Row[] = [
  [
    "get",
    "/v2",
    {
      tag: "server",
      summary: "Name, version and extensions of the server",
      answer: json("ServerMetadata"),
    },
  ],
  ["get", "/v2/openapi.json", { tag: "server", summary: "This document", answer: json("Any") }],
  ["get", "/v2/health/live", { tag: "health", summary: "200 while the process answers" }],
  [
    "get",
    "/v2/health/ready",
    { tag: "health", summary: "200 while the server can serve, else 400" },
  ],
  [
    "get",
    "/runbook",
    { tag: "server", summary: "What to do when alerts fire", answer: { "text/plain": "text" } },
  ],
  [
    "get",
    "/runbook/{page}",
    { tag: "server", summary: "What to do when one fires", answer: { "text/plain": "text" } },
  ],
  [
    "get",
    "/v2/models/{model}*",
    { tag: "models", summary: "Inputs and outputs of a model", answer: json("ModelMetadata") },
  ],
  [
    "get",
    "/v2/models/{model}*/ready",
    { tag: "health", summary: "200 while the model is ready, else 400" },
  ],
  [
    "get",
    "/v2/models/{model}*/config",
    {
      tag: "models",
      summary: "The complete configuration of a model",
      answer: json("ModelConfig"),
    },
  ],
  [
    "get",
    "/v2/models/{model}*/stats",
    { tag: "statistics", summary: "What a model has done", answer: json("Statistics") },
  ],
  [
    "get",
    "/v2/models/stats",
    { tag: "statistics", summary: "What every model has done", answer: json("Statistics") },
  ],
  [
    "post",
    "/v2/models/{model}*/infer",
    {
      tag: "inference",
      summary: "Run a model",
      body: "InferRequest",
      answer: { ...json("InferResponse"), ...BINARY },
    },
  ],
  [
    "post",
    "/v2/models/{model}*/generate",
    {
      tag: "inference",
      summary: "Run a model on a flat JSON object, one response",
      body: "GenerateRequest",
      answer: json("GenerateResponse"),
    },
  ],
  [
    "post",
    "/v2/models/{model}*/generate_stream",
    {
      tag: "inference",
      summary: "Run a model on a flat JSON object, responses as server-sent events",
      body: "GenerateRequest",
      answer: EVENTS,
    },
  ],
  [
    "post",
    "/v2/repository/index",
    {
      tag: "repository",
      summary: "Every model and its state",
      body: "IndexRequest?",
      answer: json("RepositoryIndex"),
    },
  ],
  [
    "post",
    "/v2/repository/{repository}/index",
    {
      tag: "repository",
      summary: "The same; repositories have no names here",
      body: "IndexRequest?",
      answer: json("RepositoryIndex"),
    },
  ],
  [
    "post",
    "/v2/repository/models/{model}/load",
    { tag: "repository", summary: "Load a model, or load it again", body: "LoadRequest?" },
  ],
  [
    "post",
    "/v2/repository/{repository}/models/{model}/load",
    { tag: "repository", summary: "501: repositories have no names here" },
  ],
  [
    "post",
    "/v2/repository/models/{model}/unload",
    { tag: "repository", summary: "Unload a model", body: "UnloadRequest?" },
  ],
  [
    "post",
    "/v2/repository/{repository}/models/{model}/unload",
    { tag: "repository", summary: "501: repositories have no names here" },
  ],
  [
    "get",
    "/v2/beamgate/devices",
    { tag: "devices", summary: "Every device and what it holds", answer: json("Devices") },
  ],
  [
    "get",
    "/v2/beamgate/devices/{device}",
    { tag: "devices", summary: "One device", answer: json("Device") },
  ],
  [
    "post",
    "/v2/beamgate/devices/{device}/lease",
    {
      tag: "devices",
      summary:
        "Give a board to one experiment for a time; answered when nothing of others runs on it",
      body: "Lease",
      answer: json("Any"),
    },
  ],
  [
    "post",
    "/v2/beamgate/devices/{device}/release",
    { tag: "devices", summary: "End a lease", answer: json("Any") },
  ],
  [
    "post",
    "/v2/beamgate/devices/{device}/drain",
    {
      tag: "devices",
      summary: "Take a board out of service; answered when nothing runs on it",
      answer: json("Any"),
    },
  ],
  [
    "post",
    "/v2/beamgate/devices/{device}/undrain",
    { tag: "devices", summary: "Put a board back into service", answer: json("Any") },
  ],
  [
    "get",
    "/v2/beamgate/gateways",
    {
      tag: "gateways",
      summary: "Which gateways serve together with this one",
      answer: json("Gateways"),
    },
  ],
  ...REGISTRY_ROWS,
  ...TENANCY_ROWS,
  ...LOADTEST_ROWS,
  ...DASHBOARD_ROWS,
  [
    "get",
    "/v2/beamgate/explain/{requestId}",
    {
      tag: "explain",
      summary: "Why a request went to its device and into its batch",
      answer: json("Any"),
    },
  ],
  ...(["system", "cuda"] as const).flatMap(sharedMemoryRows),
  [
    "get",
    "/v2/trace/setting",
    { tag: "trace", summary: "Trace settings of every model", answer: json("TraceSetting") },
  ],
  [
    "post",
    "/v2/trace/setting",
    { tag: "trace", summary: "Change them", body: "TraceSetting?", answer: json("TraceSetting") },
  ],
  [
    "get",
    "/v2/models/{model}/trace/setting",
    { tag: "trace", summary: "Trace settings of a model", answer: json("TraceSetting") },
  ],
  [
    "post",
    "/v2/models/{model}/trace/setting",
    { tag: "trace", summary: "Change them", body: "TraceSetting?", answer: json("TraceSetting") },
  ],
  ["get", "/v2/logging", { tag: "logging", summary: "Log settings", answer: json("LogSettings") }],
  [
    "post",
    "/v2/logging",
    { tag: "logging", summary: "Change them", body: "LogSettings?", answer: json("LogSettings") },
  ],
];

function sharedMemoryRows(kind: "system" | "cuda"): Row[] {
  const tag = "shared memory";
  const words = kind === "system" ? "system" : "CUDA";
  return ["", "/region/{region}"].flatMap((region): Row[] => {
    const path = (action: string) => `/v2/${kind}sharedmemory${region}/${action}`;
    const which = region === "" ? `every ${words} region` : `a ${words} region`;
    return [
      [
        "get",
        path("status"),
        { tag, summary: `Where ${which} lies`, answer: json("SharedRegions") },
      ],
      ["post", path("register"), { tag, summary: `Register ${which}`, body: "RegisterRequest" }],
      ["post", path("unregister"), { tag, summary: `Unregister ${which}` }],
    ];
  });
}

/** @param version of this gateway */
export function openApiDocument(version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [method, pattern, operation] of ROWS) {
    const versions = pattern.includes("*") ? ["", "/versions/{version}"] : [""];
    for (const written of versions) {
      const path = pattern.replace("*", written);
      paths[path] = { ...paths[path], [method]: operationOf(path, operation) };
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "beamgate",
      version,
      description: "KServe's v2 inference protocol with the extensions of Triton Inference Server.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      schemas: {
        ...SCHEMAS,
        ...REGISTRY_SCHEMAS,
        ...TENANCY_SCHEMAS,
        ...LOADTEST_SCHEMAS,
        ...DASHBOARD_SCHEMAS,
      },
    },
  };
}

function operationOf(path: string, operation: Operation): object {
  const { tag, summary, body, answer, query = {}, headers = {} } = operation;
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const parameters = [
    ...names.map((name) => parameter(name ?? "", "path", "")),
    ...Object.entries(query).map(([name, words]) => parameter(name, "query", words)),
    ...Object.entries(headers).map(([name, words]) => parameter(name, "header", words)),
  ];
  const success = { description: "success", ...(answer ? { content: contentOf(answer) } : {}) };
  const failure = { description: "an error", content: contentOf(json("Error")) };
  return {
    tags: [tag],
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body) }),
    responses: { 200: success, default: failure },
  };
}

function parameter(name: string, place: "path" | "query" | "header", words: string): object {
  return {
    name,
    in: place,
    required: place === "path",
    ...(words === "" ? {} : { description: words }),
    schema: { type: "string" },
  };
}

function requestBody(body: string): object {
  if (body === "bytes") return { required: true, content: contentOf(BINARY) };
  const schema = body.replace("?", "");
  const content = { ...json(schema), ...(schema === "InferRequest" ? BINARY : {}) };
  return { required: !body.endsWith("?"), content: contentOf(content) };
}

function contentOf(content: Content): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [type, { schema: schemaOf(schema) }]),
  );
}

function schemaOf(name: string): object {
  if (name === "bytes") return {};
  return name === "text" ? { type: "string" } : { $ref: `#/components/schemas/${name}` };
}
