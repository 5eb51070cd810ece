/** Server reflection, v1 and v1alpha: what grpcurl and friends ask before they can call anything. */
import type { Server } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { withProtocMapEntries } from "./map-entries.ts";
import type { ServiceDefinition, ServiceImplementation } from "./transport/method.ts";
import type { GrpcServer } from "./transport/server.ts";

/** @param packages everything that shall be found, from proto-loader. */
export function addReflection(
  server: Pick<GrpcServer, "addService">,
  packages: readonly PackageDefinition[],
): void {
  const everything: PackageDefinition = Object.assign({}, ...packages);
  // The package hands over (definition, implementation) and nothing else.
  const target = {
    addService: (definition: unknown, implementation: ServiceImplementation) =>
      server.addService(definition as ServiceDefinition, implementation, { holdsDrain: false }),
  };
  const reflection = new ReflectionService(withProtocMapEntries(everything));
  reflection.addToServer(target as unknown as Pick<Server, "addService">);
}
