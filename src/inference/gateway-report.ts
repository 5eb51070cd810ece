/** Which gateways serve together, as clients and operators are told. */

export interface GatewayFacts {
  /** Of one process: another one after a restart. */
  readonly id: string;
  /** Where clients reach its gRPC port, host:port. */
  readonly address: string;
  readonly version: string;
  /** When it began, ISO 8601. */
  readonly since: string;
}

export interface ClusterReport {
  /** Whether what several gateways share can be reached; off: nobody configured any. */
  readonly redis: "off" | "up" | "degraded" | "down";
  /** Age of the list, s. While Redis is away it is the last that was known. */
  readonly listAgeSeconds: number;
  readonly gateways: readonly (GatewayFacts & { readonly self: boolean })[];
}

export const aloneReport = (self: GatewayFacts): ClusterReport => ({
  redis: "off",
  listAgeSeconds: 0,
  gateways: [{ ...self, self: true }],
});
