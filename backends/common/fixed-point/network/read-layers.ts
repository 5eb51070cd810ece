/** Nodes with weights or windows. */
import type { FixedPointType } from "../../../contract.ts";
import type { CommonParts, Read } from "./common-parts.ts";
import type { Fields } from "./fields.ts";
import type { NetworkNode, Weights, Windows } from "./nodes.ts";

export const LAYERS: Readonly<Record<string, Read>> = {
  dense: (fields, common) => dense(fields, common, 1),
  pointwise_conv1d: (fields, common) => dense(fields, common, fields.count("n_pos")),
  conv1d: (fields, common) => convolution(fields, common, flatWindows(fields)),
  conv2d: (fields, common) => convolution(fields, common, imageWindows(fields)),
  global_avg_pool1d: (fields, common) => pool(fields, common, "average_pool", wholeWindow(fields)),
  global_max_pool1d: (fields, common) => pool(fields, common, "max_pool", wholeWindow(fields)),
  avg_pool1d: (fields, common) => pool(fields, common, "average_pool", flatWindows(fields)),
  max_pool1d: (fields, common) => pool(fields, common, "max_pool", flatWindows(fields)),
  avg_pool2d: (fields, common) => pool(fields, common, "average_pool", imageWindows(fields)),
  max_pool2d: (fields, common) => pool(fields, common, "max_pool", imageWindows(fields)),
};

function dense(fields: Fields, common: CommonParts, positions: number): NetworkNode {
  const nIn = fields.count("n_in");
  const nOut = fields.count("n_out");
  common.takes(0, positions * nIn);
  const weights = readWeights(fields, nIn, nOut);
  const elements = positions * nOut;
  return { ...common.node(elements), op: "dense", positions, nIn, nOut, ...weights };
}

function convolution(fields: Fields, common: CommonParts, windows: Windows): NetworkNode {
  const nOut = fields.count("n_filt");
  common.takes(0, windows.inHeight * windows.inWidth * windows.channels);
  const nIn = windows.windowHeight * windows.windowWidth * windows.channels;
  const weights = readWeights(fields, nIn, nOut);
  const elements = windows.outHeight * windows.outWidth * nOut;
  return { ...common.node(elements), op: "convolution", nOut, ...windows, ...weights };
}

function pool(
  fields: Fields,
  common: CommonParts,
  op: "average_pool" | "max_pool",
  windows: Windows,
): NetworkNode {
  if (windows.padTop !== 0 || windows.padLeft !== 0 || reachesOutside(windows)) {
    throw fields.fail("pad_left", "a pool has no padding");
  }
  const source = common.takes(0, windows.inHeight * windows.inWidth * windows.channels);
  const accumType = op === "max_pool" ? fields.type("accum_t", source) : fields.type("accum_t");
  const elements = windows.outHeight * windows.outWidth * windows.channels;
  return { ...common.node(elements), op, accumType, ...windows };
}

function readWeights(fields: Fields, nIn: number, nOut: number): Weights {
  const weightType = fields.type("weight_t");
  const biasType = fields.type("bias_t");
  return {
    weightType,
    weights: fields.raws("weights_raw", weightType, nIn * nOut),
    biasType,
    bias: fields.raws("bias_raw", biasType, nOut),
    accumType: fields.type("accum_t") satisfies FixedPointType,
  };
}

function wholeWindow(fields: Fields): Windows {
  const inWidth = fields.count("n_pos");
  const channels = fields.count("n_filt");
  return {
    ...{ inHeight: 1, windowHeight: 1, strideHeight: 1, padTop: 0, padLeft: 0 },
    ...{ inWidth, channels, windowWidth: inWidth, strideWidth: 1, outHeight: 1, outWidth: 1 },
  };
}

function flatWindows(fields: Fields): Windows {
  const { length, window, stride, before, out } = axis(fields, "width", "n_pos");
  return {
    ...{ inHeight: 1, windowHeight: 1, strideHeight: 1, padTop: 0, outHeight: 1 },
    ...{
      inWidth: length,
      windowWidth: window,
      strideWidth: stride,
      padLeft: before,
      outWidth: out,
    },
    channels: fields.count(fields.has("n_chan") ? "n_chan" : "n_filt"),
  };
}

function imageWindows(fields: Fields): Windows {
  const down = axis(fields, "height", "in_height");
  const right = axis(fields, "width", "in_width");
  return {
    ...{ inHeight: down.length, windowHeight: down.window, strideHeight: down.stride },
    ...{ inWidth: right.length, windowWidth: right.window, strideWidth: right.stride },
    ...{ padTop: down.before, outHeight: down.out, padLeft: right.before, outWidth: right.out },
    channels: fields.count(fields.has("n_chan") ? "n_chan" : "n_filt"),
  };
}

/** One direction of an image: how long it is, what is put before and behind it, how many windows there are. */
function axis(fields: Fields, name: "width" | "height", lengthName: string) {
  const length = fields.count(lengthName);
  const window = fields.count(fields.has(`filt_${name}`) ? `filt_${name}` : `pool_${name}`);
  const stride = fields.count(`stride_${name}`, 1, 1);
  const [before, behind] = (name === "width" ? ["left", "right"] : ["top", "bottom"]).map(
    (side) => {
      const padding = fields.count(`pad_${side}`, 0, 0);
      if (padding === 0 || padding < window) return padding;
      throw fields.fail(`pad_${side}`, `${padding} is no less than the window's ${window}`);
    },
  ) as [number, number];
  const padded = before + length + behind;
  if (window > padded)
    throw fields.fail(lengthName, `a window of ${window} is wider than ${padded}`);
  return { length, window, stride, before, out: Math.floor((padded - window) / stride) + 1 };
}

function reachesOutside(windows: Windows): boolean {
  const height = (windows.outHeight - 1) * windows.strideHeight + windows.windowHeight;
  const width = (windows.outWidth - 1) * windows.strideWidth + windows.windowWidth;
  return height > windows.inHeight || width > windows.inWidth;
}
