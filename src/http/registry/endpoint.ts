/** The registry of models over HTTP: `/v2/beamgate/registry…` and `/v2/beamgate/uploads/…`. */
import type { FastifyInstance } from "fastify";
import { StatusError } from "../../errors.ts";
import { addChanges } from "./changes.ts";
import { addReading } from "./reading.ts";
import type { RegistryRoom } from "./room.ts";
import { addUploads } from "./uploads.ts";

/**
 * @param registry undefined: there is none, and every request is told how to get one
 * @param closing true once no new connections are taken
 */
export function addRegistry(
  app: FastifyInstance,
  registry: RegistryRoom | undefined,
  closing: () => boolean,
): void {
  const room = (): RegistryRoom => {
    if (registry !== undefined) return registry;
    const remedy =
      "start it with BEAMGATE_REGISTRY_FOLDER (registry.folder) set to a folder for it";
    throw new StatusError("UNIMPLEMENTED", `this gateway keeps no registry of models; ${remedy}`);
  };
  addReading(app, room);
  addChanges(app, room);
  addUploads(app, room, closing);
}
