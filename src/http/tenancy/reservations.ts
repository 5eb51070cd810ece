/** `GET /v2/beamgate/reservations`, `POST` adds one, `DELETE …/{reservation}` removes it. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../../errors.ts";
import type { ReservationControl } from "../../inference/reservation-report.ts";
import { readObject, registryRoute } from "../registry/registry-route.ts";
import { contextOf } from "./tenants.ts";

const RESERVATIONS = "/v2/beamgate/reservations";

/** @param reservations undefined: this gateway keeps no calendar */
export function addReservations(
  app: FastifyInstance,
  reservations: ReservationControl | undefined,
): void {
  registryRoute(app, RESERVATIONS, {
    GET: async (_request, reply) => reply.send(kept(reservations).list()),
    POST: async (request, reply) => {
      const { who: _who, generation: _from, ...given } = readObject(request.body);
      const context = contextOf(request, readObject(request.body));
      return reply.send(await kept(reservations).add(given, context));
    },
  });
  registryRoute<{ reservation: string }>(app, `${RESERVATIONS}/:reservation`, {
    DELETE: async (request, reply) => {
      const { body, params } = request;
      const context = contextOf(
        request,
        body === undefined || body === null ? {} : readObject(body),
      );
      return reply.send(await kept(reservations).remove(params.reservation, context));
    },
  });
}

function kept(reservations: ReservationControl | undefined): ReservationControl {
  if (reservations !== undefined) return reservations;
  const remedy = "name a folder for it (tenancy.folder)";
  throw new StatusError(
    "UNIMPLEMENTED",
    `this gateway keeps no calendar of reservations: ${remedy}`,
  );
}
