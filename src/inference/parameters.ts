/** A request or tensor parameter. `bigint` where an int64/uint64 leaves ±2^53. */
export type Parameter =
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "int64" | "uint64"; readonly value: number | bigint }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "string"; readonly value: string };
export type Parameters = ReadonlyMap<string, Parameter>;
