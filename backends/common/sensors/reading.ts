import type { DeviceSensors } from "../../contract.ts";

/** What a source says of one device, whoever that is. */
export type SensorReading = Omit<DeviceSensors, "id">;

/** Undefined where there is nothing but the source. */
export function reading(
  values: { readonly [Key in keyof Omit<SensorReading, "source">]: number | undefined },
  source: string,
): SensorReading | undefined {
  const known = Object.entries(values).filter(([, value]) => Number.isFinite(value));
  return known.length === 0 ? undefined : { ...Object.fromEntries(known), source };
}
