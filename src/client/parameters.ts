/** Values beside requests, answers and their tensors. */

/** An integer that a number cannot hold exactly is a bigint. */
export type ParameterValue = boolean | number | bigint | string;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** `InferParameter` as proto-loader takes and gives it. */
export interface WireParameter {
  readonly boolParam?: boolean;
  readonly int64Param?: string;
  readonly stringParam?: string;
  readonly doubleParam?: number;
  readonly uint64Param?: string;
  /** The name of the field that is set. */
  readonly parameterChoice?: keyof WireParameter;
}

const LARGEST_INT64 = 2n ** 63n - 1n;

export function toWire(parameters: Parameters): Record<string, WireParameter> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, wireParameter(value)]),
  );
}

function wireParameter(value: ParameterValue): WireParameter {
  switch (typeof value) {
    case "boolean":
      return { boolParam: value };
    case "string":
      return { stringParam: value };
    case "bigint":
      return value > LARGEST_INT64 ? { uint64Param: `${value}` } : { int64Param: `${value}` };
    default:
      return Number.isSafeInteger(value) ? { int64Param: `${value}` } : { doubleParam: value };
  }
}

export function fromWire(
  parameters: Readonly<Record<string, WireParameter>>,
): Map<string, ParameterValue> {
  const read = new Map<string, ParameterValue>();
  for (const [name, parameter] of Object.entries(parameters)) {
    const { parameterChoice } = parameter;
    const value = parameterChoice === undefined ? undefined : parameter[parameterChoice];
    if (value === undefined) continue;
    const whole = parameterChoice === "int64Param" || parameterChoice === "uint64Param";
    read.set(name, whole ? integer(value) : value);
  }
  return read;
}

function integer(text: string | number | boolean): number | bigint {
  const near = Number(text);
  return Number.isSafeInteger(near) ? near : BigInt(text);
}
