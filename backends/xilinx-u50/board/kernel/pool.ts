/** Averages and maxima over windows, a channel at a time. */
import type { PoolNode } from "../../../common/fixed-point/network.ts";
import { cast, fitted, variable } from "./cast.ts";
import type { Finish } from "./dense.ts";
import { type Element, indexText, type Stage } from "./stage.ts";
import { isInt32, named, plus, type Value } from "./value.ts";
import { type Flat, forEachWindow, windowOffsets } from "./windows.ts";

export function poolStage(stage: Stage, node: PoolNode, windows: Flat, finish: Finish): void {
  const { code } = stage;
  const { channels } = node;
  const pixels = windowOffsets(windows).filter((_, n) => n % channels === 0);
  const offsets = code.program.table(pixels).name;
  const reduce = node.op === "average_pool" ? average : greatest;
  forEachWindow(stage, windows, channels, (from, to) => {
    const [c, n] = [code.program.unique("c"), code.program.unique("n")];
    code.block(`for (let ${c} = 0; ${c} < ${channels}; ${c}++)`, () => {
      const pixel = stage.read(loose(`${indexText(from)} + ${c} + ${offsets}[${n}]`));
      const loop = (body: () => void) =>
        code.block(`for (let ${n} = 0; ${n} < ${pixels.length}; ${n}++)`, body);
      const pooled = reduce(stage, node, pixel, loop, pixels.length);
      finish(stage, cast(code, pooled, node.type), loose(`${indexText(to)} + ${c}`));
    });
  });
}

type Loop = (body: () => void) => void;

function average(stage: Stage, node: PoolNode, pixel: Value, loop: Loop, count: number): Value {
  const { code } = stage;
  const sum = variable(code.program.unique("sum"), node.accumType);
  code.line(`let ${sum.code} = 0;`);
  loop(() => {
    const next = cast(code, plus(sum, code.bind(pixel)), node.accumType);
    code.line(`${sum.code} = ${next.code};`);
  });
  const text = isInt32(sum) ? `(${sum.code} / ${count} | 0)` : `Math.trunc(${sum.code} / ${count})`;
  const mean = named(text, Math.trunc(sum.lo / count), Math.trunc(sum.hi / count), sum.f);
  return fitted(code, mean, node.accumType);
}

function greatest(stage: Stage, node: PoolNode, pixel: Value, loop: Loop): Value {
  const { code } = stage;
  const most = code.program.unique("most");
  code.line(`let ${most} = -Infinity;`);
  loop(() => {
    const x = code.bind(pixel);
    code.line(`if (${x.code} > ${most}) ${most} = ${x.code};`);
  });
  return cast(code, named(most, pixel.lo, pixel.hi, pixel.f), node.accumType);
}

function loose(code: string): Element {
  return { base: { code, multipleOf: 1 }, offset: 0 };
}
