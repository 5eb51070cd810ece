/** `GET /v2/beamgate/devices[/{device}]`, `POST /v2/beamgate/devices/{device}/drain` and `/undrain`. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../errors.ts";
import type { DeviceControl } from "../inference/device-report.ts";
import { route } from "./app.ts";

const DEVICES = "/v2/beamgate/devices";

export function addDevices(app: FastifyInstance, devices: DeviceControl): void {
  route(app, "GET", DEVICES, async (_request, reply) => reply.send(await devices.list()));
  route<{ device: string }>(app, "GET", `${DEVICES}/:device`, async ({ params }, reply) => {
    const found = (await devices.list()).find(({ id }) => id === params.device);
    if (found === undefined) throw unknownDevice(params.device);
    return reply.send(found);
  });
  for (const action of ["drain", "undrain"] as const) {
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

function unknownDevice(id: string): StatusError {
  return new StatusError("NOT_FOUND", `there is no device '${id}'; GET ${DEVICES} lists them`);
}
