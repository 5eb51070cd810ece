/** Where windows over an image read, as loops over their positions. */
import type { Windows } from "../../../common/fixed-point/network.ts";
import type { Element, Stage } from "./stage.ts";

export type Flat = Omit<Windows, "padTop" | "padLeft">;

/** An image that every window lies inside of: the padding is part of it. */
export function padded(windows: Windows): Flat {
  const height = (windows.outHeight - 1) * windows.strideHeight + windows.windowHeight;
  const width = (windows.outWidth - 1) * windows.strideWidth + windows.windowWidth;
  return {
    ...windows,
    inHeight: Math.max(windows.padTop + windows.inHeight, height),
    inWidth: Math.max(windows.padLeft + windows.inWidth, width),
  };
}

/** Where the elements of a window are, from its first one on: [row][column][channel]. */
export function windowOffsets(windows: Flat): readonly number[] {
  const { windowHeight, windowWidth, channels, inWidth } = windows;
  const line = windowWidth * channels;
  return Array.from({ length: windowHeight * line }, (_, n) => {
    return Math.floor(n / line) * inWidth * channels + (n % line);
  });
}

/**
 * `body` for each position: `from` is where its window starts, `to` where its
 * elements go, `perPosition` of them.
 */
export function forEachWindow(
  stage: Stage,
  windows: Flat,
  perPosition: number,
  body: (from: Element, to: Element) => void,
): void {
  const { code } = stage;
  const { outHeight, outWidth, inWidth, channels, strideHeight, strideWidth } = windows;
  if (outHeight * outWidth === 1) {
    body({ offset: 0 }, { offset: 0 });
    return;
  }
  const [v, h, from, to] = ["v", "h", "from", "to"].map((name) => code.program.unique(name));
  const down = strideHeight * inWidth * channels;
  const right = strideWidth * channels;
  code.line(`let ${to} = 0;`);
  code.block(`for (let ${v} = 0; ${v} < ${outHeight}; ${v}++)`, () => {
    const head = `for (let ${h} = 0, ${from} = ${v} * ${down}; ${h} < ${outWidth};`;
    code.block(`${head} ${h}++, ${from} += ${right}, ${to} += ${perPosition})`, () =>
      body(
        { base: { code: from as string, multipleOf: 1 }, offset: 0 },
        { base: { code: to as string, multipleOf: perPosition }, offset: 0 },
      ),
    );
  });
}

/** The stage that copies an image into the middle of a padded one, whose border is 0 from the start. */
export function paddingStage(stage: Stage, windows: Windows, flat: Flat): Stage {
  const { code } = stage;
  const line = windows.inWidth * windows.channels;
  const paddedLine = flat.inWidth * windows.channels;
  const start = windows.padTop * paddedLine + windows.padLeft * windows.channels;
  code.block(`for (let v = 0; v < ${windows.inHeight}; v++)`, () =>
    code.block(`for (let h = 0; h < ${line}; h++)`, () =>
      stage.write(
        { base: { code: `v * ${paddedLine} + h`, multipleOf: 1 }, offset: start },
        stage.read({ base: { code: `v * ${line} + h`, multipleOf: 1 }, offset: 0 }),
      ),
    ),
  );
  return stage;
}

export function moved(element: Element, by: number): Element {
  return { ...element, offset: element.offset + by };
}
