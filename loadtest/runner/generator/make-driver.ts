/** The driver that an order names. */
import type { DecodedResponse } from "../../../src/grpc/codec/decode-response.ts";
import type { Driver, DriverEvents, DriverOptions } from "../../drivers/driver.ts";
import { GrpcStreamDriver } from "../../drivers/grpc-stream.ts";
import { GrpcUnaryDriver } from "../../drivers/grpc-unary.ts";
import { HttpDriver } from "../../drivers/http-binary.ts";
import { feedOf, RelayDriver } from "../../drivers/relay.ts";
import type { GeneratorOrder } from "./order.ts";

/** @param heard is shown answers that nobody else sees: of the first of two models in a row */
export function makeDriver(
  order: GeneratorOrder,
  events: DriverEvents,
  heard: (response: DecodedResponse) => void,
): Driver {
  const keep = order.answers !== undefined;
  const { relay } = order;
  if (relay === undefined) return plainDriver(order, events, keep);
  const parts = {
    first: (heard: DriverEvents) => plainDriver(order, heard, true),
    second: (heard: DriverEvents) => plainDriver(order, heard, keep),
    feed: feedOf(relay),
    heard,
    now: () => performance.now(),
  };
  return new RelayDriver(parts, events);
}

function plainDriver(order: GeneratorOrder, events: DriverEvents, keepAnswers: boolean): Driver {
  const options: DriverOptions = {
    address: order.address,
    connections: order.connections,
    identities: order.identities,
    perConnection: order.perConnection ?? Number.POSITIVE_INFINITY,
    keepAnswers,
  };
  // Each driver sends what it has prepared itself; nobody else makes or reads it.
  switch (order.driver) {
    case "grpc":
      return new GrpcUnaryDriver(options, events) as Driver;
    case "grpc-stream":
      return new GrpcStreamDriver(options, events) as Driver;
    case "http":
      return new HttpDriver(options, events, order.binary) as Driver;
  }
}
