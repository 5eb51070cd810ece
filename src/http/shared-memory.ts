/**
 * `/v2/systemsharedmemory[/region/{region}]/(status|register|unregister)`, and the same for CUDA,
 * which is answered as by a server without GPUs.
 */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import { cudaNotSupported, sharedMemoryDisabled } from "../inference/shared-memory.ts";
import type { SharedMemoryControl, SharedRegion } from "../inference/shared-regions.ts";
import { route } from "./app.ts";
import { readJsonBody } from "./json-body.ts";
import { asString, asUint64, member } from "./json-value.ts";
import { OVER_HTTP } from "./over-http.ts";

interface Params {
  readonly region?: string;
}

const paths = (kind: string, action: string) => [
  `/v2/${kind}sharedmemory/${action}`,
  `/v2/${kind}sharedmemory/region/:region/${action}`,
];

/** @param control undefined: switched off, and every attempt says in Triton's words how to change that */
export function addSharedMemory(
  app: FastifyInstance,
  control: SharedMemoryControl | undefined,
): void {
  const on = (): SharedMemoryControl => {
    if (control === undefined) throw sharedMemoryDisabled();
    return control;
  };
  for (const url of paths("system", "status")) {
    route<Params>(app, "GET", url, ({ params: { region = "" } }, reply) =>
      reply.send(on().status(region).map(shown)),
    );
  }
  for (const url of paths("system", "register")) {
    route<Params>(app, "POST", url, ({ params: { region = "" }, body }, reply) => {
      const regions = on();
      if (region === "") throw nameless("system");
      regions.register(readRegion(region, readJsonBody(body)), OVER_HTTP, 0);
      return reply.type("application/json").send("");
    });
  }
  for (const url of paths("system", "unregister")) {
    route<Params>(app, "POST", url, ({ params: { region = "" } }, reply) => {
      on().unregister(region, OVER_HTTP);
      return reply.type("application/json").send("");
    });
  }
  for (const url of paths("cuda", "status")) {
    route<Params>(app, "GET", url, ({ params: { region = "" } }, reply) => {
      on();
      if (region === "") return reply.send([]);
      const text = `Unable to find cuda shared memory region: '${region}'`;
      throw new StatusError("NOT_FOUND", text);
    });
  }
  for (const url of paths("cuda", "register")) {
    route<Params>(app, "POST", url, ({ params: { region = "" } }) => {
      on();
      throw region === "" ? nameless("cuda") : cudaNotSupported(region);
    });
  }
  for (const url of paths("cuda", "unregister")) {
    route<Params>(app, "POST", url, (_request, reply) => {
      on();
      return reply.type("application/json").send("");
    });
  }
}

function readRegion(name: string, request: unknown): SharedRegion {
  const [key, offset, size] = ["key", "offset", "byte_size"].map((at) => member(request, at));
  if (key === undefined) throw lacks("key");
  const text = asString(key, "");
  const from = offset === undefined ? 0 : asUint64(offset, "");
  if (size === undefined) throw lacks("byte_size");
  return { name, key: text, offset: Number(from), byteLength: Number(asUint64(size, "")) };
}

function shown({ name, key, offset, byteLength }: SharedRegion): object {
  return { name, key, offset, byte_size: byteLength };
}

const lacks = (field: string) =>
  new StatusError("INVALID_ARGUMENT", `Shared memory register request has no '${field}' field`);

const nameless = (kind: string) =>
  new StatusError(
    "INVALID_ARGUMENT",
    `'region name' is necessary to register ${kind} shared memory region`,
  );
