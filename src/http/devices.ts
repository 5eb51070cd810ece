/** `GET /v2/beamgate/devices[/{device}]`, `POST /v2/beamgate/devices/{device}/drain`, `/undrain`, `/lease`, `/release`. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import type { DeviceControl, LeaseRequest } from "../inference/device-report.ts";
import { route } from "./app.ts";
import { readJsonBody } from "./json-body.ts";
import { isObject } from "./json-value.ts";

const DEVICES = "/v2/beamgate/devices";

export function addDevices(app: FastifyInstance, devices: DeviceControl): void {
  route(app, "GET", DEVICES, async (_request, reply) => reply.send(await devices.list()));
  route<{ device: string }>(app, "GET", `${DEVICES}/:device`, async ({ params }, reply) => {
    const found = (await devices.list()).find(({ id }) => id === params.device);
    if (found === undefined) throw unknownDevice(params.device);
    return reply.send(found);
  });
  route<{ device: string }>(
    app,
    "POST",
    `${DEVICES}/:device/lease`,
    async ({ params, body }, reply) => {
      await devices.lease(params.device, readLease(readJsonBody(body)));
      return reply.send({});
    },
  );
  for (const action of ["drain", "undrain", "release"] as const) {
    route<{ device: string }>(
      app,
      "POST",
      `${DEVICES}/:device/${action}`,
      async ({ params }, reply) => {
        await devices[action](params.device);
        return reply.send({});
      },
    );
  }
}

const MOST_SECONDS = 366 * 86_400;
const MOST_MODELS = 1000;

/** @throws StatusError naming the key */
function readLease(body: unknown): LeaseRequest {
  const { to, models, seconds } = isObject(body) ? body : {};
  if (typeof to !== "string" || to === "") throw wrong("to", "the name of an experiment");
  const named = Array.isArray(models) && models.length > 0 && models.length <= MOST_MODELS;
  if (!named || !models.every((model) => typeof model === "string" && model !== "")) {
    throw wrong("models", "a list of names, in which * stands for any characters");
  }
  if (typeof seconds !== "number" || !(seconds > 0 && seconds <= MOST_SECONDS)) {
    throw wrong("seconds", `a number up to ${MOST_SECONDS}`);
  }
  return { to, models, seconds };
}

function wrong(key: string, expected: string): StatusError {
  return new StatusError("INVALID_ARGUMENT", `'${key}' of a lease: expected ${expected}`);
}

function unknownDevice(id: string): StatusError {
  return new StatusError("NOT_FOUND", `there is no device '${id}'; GET ${DEVICES} lists them`);
}
