/** Networks nobody would train, with every op and any types, as JSON a reader takes; and rows for them. */
import type { Network } from "../../backends/common/fixed-point/network.ts";
import type { FixedPointType } from "../../backends/contract.ts";

/** Seeded: the same number gives the same network. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  from(lo: number, hi: number): number {
    return lo + Math.floor(this.next() * (hi - lo + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.from(0, choices.length - 1)] as T;
  }

  chance(part: number): boolean {
    return this.next() < part;
  }
}

const ROUNDINGS = [
  "TRN",
  "TRN_ZERO",
  "RND",
  "RND_ZERO",
  "RND_MIN_INF",
  "RND_INF",
  "RND_CONV",
  "RND_CONV_ODD",
] as const;
const OVERFLOWS = ["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"] as const;

export function randomType(dice: Dice, least = 2, most = 14): FixedPointType {
  const w = dice.from(least, most);
  return {
    w,
    i: dice.from(-1, w + 1),
    signed: dice.chance(0.75),
    q: dice.chance(0.4) ? "TRN" : dice.pick(ROUNDINGS),
    o: dice.chance(0.4) ? "WRAP" : dice.pick(OVERFLOWS),
  };
}

/** Narrow as in most firmware, or wide enough to leave 32 bits behind. */
function accumulator(dice: Dice, most = 45): FixedPointType {
  return dice.chance(0.7) ? randomType(dice, 4, 20) : randomType(dice, 25, most);
}

function rawOf(dice: Dice, { w, signed }: FixedPointType): number {
  const [lo, hi] = signed ? [-(2 ** (w - 1)), 2 ** (w - 1) - 1] : [0, 2 ** w - 1];
  if (dice.chance(0.1)) return dice.pick([lo, hi, 0, Math.max(lo, -1)]);
  return lo + Math.floor(dice.next() * (hi - lo + 1));
}

function raws(dice: Dice, type: FixedPointType, length: number): number[] {
  return Array.from({ length }, () => (dice.chance(0.2) ? 0 : rawOf(dice, type)));
}

/** Rows of raw integers for each input of a network. */
export function randomRows(dice: Dice, network: Network, rows: number): number[][][] {
  return Array.from({ length: rows }, () =>
    network.inputs.map(({ type, elements }) =>
      Array.from({ length: elements }, () => rawOf(dice, type)),
    ),
  );
}

interface Made {
  readonly name: string;
  readonly n: number;
  readonly t: FixedPointType;
}

type Maker = (dice: Dice, sources: readonly Made[]) => { n: number; json: object } | undefined;

function weighted(dice: Dice, nIn: number, nOut: number) {
  const weight_t = randomType(dice, 2, 10);
  const bias_t = randomType(dice, 2, 12);
  return {
    weight_t,
    bias_t,
    accum_t: accumulator(dice),
    weights_raw: raws(dice, weight_t, nIn * nOut),
    bias_raw: raws(dice, bias_t, nOut),
  };
}

/** Some way to see a row as positions of channels. */
function split(dice: Dice, n: number): [positions: number, channels: number] {
  const divisors = Array.from({ length: n }, (_, k) => k + 1).filter((k) => n % k === 0);
  const channels = dice.pick(divisors);
  return [n / channels, channels];
}

function table(dice: Dice, type: FixedPointType, size: number): number[] {
  return Array.from({ length: size }, () => rawOf(dice, type));
}

function softmax(dice: Dice, [x]: readonly Made[], stable: boolean) {
  const { n, t } = x as Made;
  const exp_table_t = randomType(dice, 4, 12);
  const inv_table_t = randomType(dice, 4, 12);
  const accum_t = dice.chance(0.5) ? exp_table_t : randomType(dice, 4, 14);
  const inv_inp_t = dice.chance(0.5) ? accum_t : randomType(dice, 4, 12);
  const inp_norm_t = dice.chance(0.5) ? { ...t, signed: true, q: "RND", o: "SAT" } : t;
  const sizes = { exp_table_size: 2 ** dice.from(1, t.w), inv_table_size: 2 ** dice.from(1, 4) };
  const json = {
    ...{ op: stable ? "softmax_stable" : "softmax_latency", exp_table_t, inv_table_t },
    ...{ accum_t, inv_inp_t, ...sizes },
    exp_table_raw: table(dice, exp_table_t, sizes.exp_table_size),
    inv_table_raw: table(dice, inv_table_t, sizes.inv_table_size),
    ...(stable ? { inp_norm_t, difference: dice.pick(["x-max", "max-x"]) } : {}),
  };
  return { n, json };
}

/** One direction of windows over `length`: their size, their stride, what is put before and behind. */
function axis(dice: Dice, length: number, pads: boolean) {
  const window = dice.from(1, Math.min(4, length));
  const stride = dice.from(1, 2);
  const most = pads ? Math.min(2, window - 1) : 0;
  const [before, behind] = [dice.from(0, most), dice.from(0, most)];
  return {
    window,
    stride,
    before,
    behind,
    out: Math.floor((length + before + behind - window) / stride) + 1,
  };
}

function flat(dice: Dice, n: number, kind: "filt" | "pool", pads: boolean) {
  const [n_pos, n_chan] = split(dice, n);
  const { window, stride, before, behind, out } = axis(dice, n_pos, pads);
  const json = {
    ...{ n_pos, n_chan, [`${kind}_width`]: window, stride_width: stride },
    ...{ pad_left: before, pad_right: behind },
  };
  return { n_chan, window, out, json };
}

function image(dice: Dice, n: number, kind: "filt" | "pool", pads: boolean) {
  const [pixels, n_chan] = split(dice, n);
  const [in_height, in_width] = split(dice, pixels);
  const [down, right] = [axis(dice, in_height, pads), axis(dice, in_width, pads)];
  const json = {
    ...{ in_height, in_width, n_chan, stride_height: down.stride, stride_width: right.stride },
    ...{ pad_top: down.before, pad_bottom: down.behind },
    ...{ pad_left: right.before, pad_right: right.behind },
    ...{ [`${kind}_height`]: down.window, [`${kind}_width`]: right.window },
  };
  return { n_chan, window: down.window * right.window, out: down.out * right.out, json };
}

const UNARY = (op: string): Maker => {
  return (_, [x]) => ({ n: (x as Made).n, json: { op } });
};
const PAIR = (op: string): Maker => {
  return (_, [a, b]) => (a?.n === b?.n && a !== undefined ? { n: a.n, json: { op } } : undefined);
};
const POOL = (op: string, whole: boolean): Maker => {
  return (dice, [x]) => {
    const { n } = x as Made;
    // A sum with an element of other bits behind the point has to stay within 53 bits.
    const accum_t = accumulator(dice, 34);
    if (whole) {
      const [n_pos, n_filt] = split(dice, n);
      return { n: n_filt, json: { op, n_pos, n_filt, accum_t } };
    }
    const { json, out, n_chan } = op.endsWith("2d")
      ? image(dice, n, "pool", false)
      : flat(dice, n, "pool", false);
    return { n: out * n_chan, json: { op, ...json, accum_t } };
  };
};
const TABLE = (op: string): Maker => {
  return (dice, [x]) => {
    const table_t = randomType(dice, 3, 14);
    const table_size = dice.pick([16, 64, 50, 7]);
    const table_raw = table(dice, table_t, table_size);
    const table_range = dice.pick([1, 4, 8]);
    return { n: (x as Made).n, json: { op, table_t, table_size, table_range, table_raw } };
  };
};

const MAKERS: Readonly<Record<string, Maker>> = {
  dense: (dice, [x]) => {
    const [n_in, n_out] = [(x as Made).n, dice.from(1, 9)];
    return { n: n_out, json: { op: "dense", n_in, n_out, ...weighted(dice, n_in, n_out) } };
  },
  pointwise_conv1d: (dice, [x]) => {
    const [n_pos, n_in] = split(dice, (x as Made).n);
    const n_out = dice.from(1, 4);
    const weights = weighted(dice, n_in, n_out);
    return { n: n_pos * n_out, json: { op: "pointwise_conv1d", n_pos, n_in, n_out, ...weights } };
  },
  conv1d: (dice, [x]) => {
    const { json, window, out, n_chan } = flat(dice, (x as Made).n, "filt", true);
    const n_filt = dice.from(1, 3);
    const weights = weighted(dice, window * n_chan, n_filt);
    return { n: out * n_filt, json: { op: "conv1d", ...json, n_filt, ...weights } };
  },
  conv2d: (dice, [x]) => {
    const { json, window, out, n_chan } = image(dice, (x as Made).n, "filt", true);
    const n_filt = dice.from(1, 3);
    const weights = weighted(dice, window * n_chan, n_filt);
    return { n: out * n_filt, json: { op: "conv2d", ...json, n_filt, ...weights } };
  },
  relu: UNARY("relu"),
  linear: UNARY("linear"),
  batchnorm: (dice, [x]) => {
    const [scale_t, bias_t] = [randomType(dice, 2, 12), randomType(dice, 2, 14)];
    const [, channels] = split(dice, (x as Made).n);
    const scale_raw = raws(dice, scale_t, channels);
    const bias_raw = raws(dice, bias_t, channels);
    return { n: (x as Made).n, json: { op: "batchnorm", scale_t, bias_t, scale_raw, bias_raw } };
  },
  sigmoid: TABLE("sigmoid"),
  tanh: TABLE("tanh"),
  softmax_latency: (dice, sources) => softmax(dice, sources, false),
  softmax_stable: (dice, sources) => softmax(dice, sources, true),
  softmax_legacy: (dice, [x]) => {
    const table_t = randomType(dice, 4, 16);
    const table_size = dice.pick([32, 128, 20]);
    const exp_table_raw = table(dice, table_t, table_size);
    const inv_table_raw = table(dice, table_t, table_size);
    const json = { op: "softmax_legacy", table_t, table_size, exp_table_raw, inv_table_raw };
    return { n: (x as Made).n, json };
  },
  softmax_argmax: UNARY("softmax_argmax"),
  add: PAIR("add"),
  subtract: PAIR("subtract"),
  multiply: PAIR("multiply"),
  dot: (dice, [a, b]) =>
    a?.n === b?.n ? { n: 1, json: { op: "dot", accum_t: accumulator(dice) } } : undefined,
  concatenate: (_, sources) => ({
    n: sources.reduce((sum, { n }) => sum + n, 0),
    json: { op: "concatenate" },
  }),
  global_avg_pool1d: POOL("global_avg_pool1d", true),
  global_max_pool1d: POOL("global_max_pool1d", true),
  avg_pool1d: POOL("avg_pool1d", false),
  max_pool1d: POOL("max_pool1d", false),
  avg_pool2d: POOL("avg_pool2d", false),
  max_pool2d: POOL("max_pool2d", false),
  sum_of_squares: (dice) => ({
    n: 1,
    json: { op: "sum_of_squares", square_t: randomType(dice, 4, 20) },
  }),
  offset_shift: (dice, [x]) => {
    const { n } = x as Made;
    const offsets = Array.from({ length: n }, () => dice.from(-40, 40) / 4);
    const shifts = Array.from({ length: n }, () => dice.from(-3, 6));
    const [offset_t, raw_t] = [randomType(dice, 4, 10), randomType(dice, 4, 18)];
    return { n, json: { op: "offset_shift", offsets, offset_t, raw_t, shifts } };
  },
};

export const OPS: readonly string[] = Object.keys(MAKERS);
const TWO_INPUTS = new Set(["add", "subtract", "multiply", "dot", "concatenate"]);

/** A network of some `nodes`, one of them `op`, each on tensors before it; the last few are its outputs. */
export function randomNetwork(dice: Dice, op: string, nodes = dice.from(1, 5)): object {
  const inputs = Array.from({ length: dice.from(1, 2) }, (_, n) => {
    return { name: `in${n}`, n: dice.pick([1, 4, 6, 12, 16]), t: randomType(dice, 2, 12) };
  });
  const tensors: Made[] = [...inputs];
  const made: object[] = [];
  const place = dice.from(0, nodes - 1);
  while (made.length < nodes) {
    const kind = made.length === place ? op : dice.pick(OPS);
    const first = dice.chance(0.6) ? (tensors.at(-1) as Made) : dice.pick(tensors);
    const alike = tensors.filter(({ n }) => n === first.n);
    const sources = TWO_INPUTS.has(kind) ? [first, dice.pick(alike)] : [first];
    const result = MAKERS[kind]?.(dice, sources);
    if (result === undefined || result.n > 200) continue;
    const name = `node${made.length}`;
    const out_t = randomType(dice, 2, 14);
    const names = sources.map((source) => source.name);
    made.push({ name, ...result.json, inputs: names, out_t });
    tensors.push({ name, n: result.n, t: out_t });
  }
  const outputs = tensors.slice(-dice.from(1, 2)).map(({ name, n }, k) => {
    return { name: `out${k}`, node: name, n };
  });
  const header = { format: "hls4ml-golden-1", name: "random", arithmetic: "ap_fixed (xilinx)" };
  return { ...header, inputs, nodes: made, outputs };
}
