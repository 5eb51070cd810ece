/** Loops of the kernel over the windows of an image, and over the pixels under one. */
import type { Windows } from "../../common/fixed-point/network.ts";
import type { Program } from "./program.ts";

/** @param body gets the window's number, and the row and the column of its first pixel; those may lie in the padding */
export function eachWindow(
  program: Program,
  node: Windows,
  body: (position: string, row: string, column: string) => void,
): void {
  program.loop(node.outHeight, (v) => {
    program.loop(node.outWidth, (h) => {
      const row = `${v} * ${node.strideHeight} - ${node.padTop}`;
      const column = `${h} * ${node.strideWidth} - ${node.padLeft}`;
      body(`(${v} * ${node.outWidth} + ${h})`, row, column);
    });
  });
}

/** @param body gets the number of a pixel of the image and that of its place in the window; there is none for padding */
export function eachTap(
  program: Program,
  node: Windows,
  row: string,
  column: string,
  body: (pixel: string, place: string) => void,
): void {
  const down = reach(node.outHeight, node.strideHeight, node.windowHeight, node.padTop);
  const right = reach(node.outWidth, node.strideWidth, node.windowWidth, node.padLeft);
  program.loop(node.windowHeight, (dv) => {
    program.loop(node.windowWidth, (dh) => {
      const v = program.fresh("v");
      const h = program.fresh("h");
      program.line(`const int ${v} = ${row} + ${dv};`);
      program.line(`const int ${h} = ${column} + ${dh};`);
      const inside = [...within(v, node.inHeight, down), ...within(h, node.inWidth, right)];
      program.line(inside.length === 0 ? "{" : `if (${inside.join(" & ")}) {`);
      body(`${v} * ${node.inWidth} + ${h}`, `${dv} * ${node.windowWidth} + ${dh}`);
      program.line("}");
    });
  });
}

interface Reach {
  readonly first: number;
  readonly last: number;
}

/** The first and the last row or column that any window wants. */
function reach(windows: number, stride: number, size: number, padding: number): Reach {
  return { first: -padding, last: (windows - 1) * stride + size - 1 - padding };
}

/** What has to be asked, so that nothing outside is read. */
function within(name: string, length: number, { first, last }: Reach): string[] {
  return [
    ...(first < 0 ? [`(${name} >= 0)`] : []),
    ...(last >= length ? [`(${name} < ${length})`] : []),
  ];
}
