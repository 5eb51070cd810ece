/** The four softmax of hls4ml, written out. */
import type {
  ArgmaxNode,
  LegacySoftmaxNode,
  SoftmaxNode,
} from "../../../common/fixed-point/network.ts";
import type { FixedPointType } from "../../../contract.ts";
import { cast, fitted, fractionBits } from "./cast.ts";
import { type Code, precomputed, precomputedConstant } from "./code.ts";
import type { Finish } from "./dense.ts";
import { tableIndex } from "./elementwise.ts";
import { at, type Stage } from "./stage.ts";
import { constant, isInt32, minus, named, plus, times, type Value } from "./value.ts";

export function softmaxStage(
  stage: Stage,
  node: SoftmaxNode,
  source: FixedPointType,
  finish: Finish,
): void {
  const { code } = stage;
  const stable = node.op === "softmax_stable";
  const inputs = elementsOf(stage);
  const most = stable ? greatest(code, inputs) : undefined;
  const powers = inputs.map((x) => {
    if (most === undefined) {
      const power = lookUp(code, x, source, node.expTable, node.expType);
      return code.bind(cast(code, power, node.sumType));
    }
    const difference = node.difference === "x-max" ? minus(x, most) : minus(most, x);
    const indexed = cast(code, difference, node.differenceType);
    const power = lookUp(code, indexed, node.differenceType, node.expTable, node.expType);
    return code.bind(cast(code, power, node.sumType));
  });
  const sum = treeSum(code, powers, node.sumType);
  const indexed = cast(code, sum, node.inverseInputType);
  const inverse = lookUp(code, indexed, node.inverseInputType, node.inverseTable, node.inverseType);
  powers.forEach((power, n) => {
    finish(stage, cast(code, times(power, inverse), node.type), at(n));
  });
}

/** Each sum is fitted to the type; the left side is the greatest power of two below their number. */
export function treeSum(code: Code, values: readonly Value[], type: FixedPointType): Value {
  if (values.length === 1) return values[0] as Value;
  const left = 2 ** Math.ceil(Math.log2(values.length) - 1);
  const a = treeSum(code, values.slice(0, left), type);
  const b = treeSum(code, values.slice(left), type);
  return code.bind(cast(code, plus(a, b), type));
}

/** The table's entry at the top bits of a word. */
function lookUp(
  code: Code,
  value: Value,
  type: FixedPointType,
  entries: readonly number[],
  entryType: FixedPointType,
): Value {
  const low = type.w - Math.log2(entries.length);
  const x = code.bind(value);
  const top =
    isInt32(x) && low < 32 ? `${x.code} >> ${low}` : `Math.floor(${x.code} * ${2 ** -low})`;
  const { name, lo, hi } = code.program.table(entries);
  const text = `${name}[${top} & ${entries.length - 1}]`;
  return code.bind(named(text, lo, hi, fractionBits(entryType)));
}

export function legacySoftmaxStage(stage: Stage, node: LegacySoftmaxNode, finish: Finish): void {
  const { code } = stage;
  const { tableType } = node;
  const size = node.expTable.length;
  const one = precomputedConstant(1, 0, (inner, x) => cast(inner, x, tableType));
  const exp = code.program.table(node.expTable);
  const inverses = code.program.table(
    precomputed(node.inverseTable, fractionBits(tableType), (inner, x) =>
      cast(inner, x, node.type),
    ),
  );
  const inputs = elementsOf(stage);
  inputs.forEach((own, n) => {
    let sum = constant(0, fractionBits(tableType));
    inputs.forEach((other, m) => {
      let power = one;
      if (m !== n) {
        const index = tableIndex(stage, code.bind(minus(other, own)), size, 16);
        power = named(`${exp.name}[${index.code}]`, exp.lo, exp.hi, fractionBits(tableType));
      }
      sum = code.bind(fitted(code, plus(sum, power), tableType));
    });
    const index = tableIndex(stage, sum, size, 64, 0);
    const f = fractionBits(node.type);
    finish(stage, named(`${inverses.name}[${index.code}]`, inverses.lo, inverses.hi, f), at(n));
  });
}

export function argmaxStage(stage: Stage, node: ArgmaxNode, finish: Finish): void {
  const { code } = stage;
  const one = precomputedConstant(1, 0, (inner, x) => cast(inner, x, node.type));
  const inputs = elementsOf(stage);
  const most = greatest(code, inputs);
  const found = code.program.unique("found");
  code.line(`let ${found} = 0;`);
  inputs.forEach((x, n) => {
    const first = `${found} === 0 && ${x.code} === ${most.code}`;
    const text = `(${first} ? (${found} = 1, ${one.code}) : 0)`;
    const output = named(text, Math.min(0, one.lo), Math.max(0, one.hi), one.f);
    finish(stage, code.bind(output), at(n));
  });
}

function elementsOf(stage: Stage): readonly Value[] {
  const elements = stage.sources[0]?.elements ?? 0;
  return Array.from({ length: elements }, (_, n) => stage.code.bind(stage.read(at(n))));
}

function greatest(code: Code, values: readonly Value[]): Value {
  return values.reduce((a, b) => {
    const text = `(${b.code} > ${a.code} ? ${b.code} : ${a.code})`;
    return code.bind(named(text, Math.max(a.lo, b.lo), Math.max(a.hi, b.hi), a.f));
  });
}
