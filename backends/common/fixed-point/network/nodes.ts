/**
 * What a quantised network is made of. A tensor is a row of raw integers of one
 * type; positions come before channels (height, width, channel). The arithmetic of
 * each op is told here, once, and written down by each board for itself.
 *
 * "cast" is an assignment in C++: round, then fit (`FixedPointType`). Sums and
 * products themselves are exact. The rules are those of hls4ml's `nnet_utils`.
 */
import type { FixedPointType } from "../../../contract.ts";

interface Node {
  readonly name: string;
  /** Names of earlier nodes or of the network's inputs. */
  readonly inputs: readonly string[];
  /** Of one row. */
  readonly elements: number;
  readonly type: FixedPointType;
}

/** Weights of everything that multiplies and sums. */
export interface Weights {
  /** [in][out], raw. */
  readonly weights: readonly number[];
  readonly weightType: FixedPointType;
  readonly bias: readonly number[];
  readonly biasType: FixedPointType;
  /**
   * The sum starts as cast(bias). Each product is cast to it, in the order of
   * `in`, and each partial sum again.
   */
  readonly accumType: FixedPointType;
}

/** `positions` times the same `nIn` x `nOut` (a pointwise convolution has more than one), then cast. */
export interface DenseNode extends Node, Weights {
  readonly op: "dense";
  readonly positions: number;
  readonly nIn: number;
  readonly nOut: number;
}

/** A rectangle that moves over an image of `channels` per pixel. */
export interface Windows {
  readonly inHeight: number;
  readonly inWidth: number;
  readonly channels: number;
  readonly windowHeight: number;
  readonly windowWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  /** Rows of zeros above and columns of zeros left of the image; what a window needs right and below is zeros, too. */
  readonly padTop: number;
  readonly padLeft: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** As dense at each position; "in" is [window row][window column][channel], a product with padding is 0. */
export interface ConvolutionNode extends Node, Weights, Windows {
  readonly op: "convolution";
  readonly nOut: number;
}

/**
 * Per channel. "average_pool": cast(sum + x) for each x to `accumType`, divided by the
 * number of pixels toward zero, fitted to `accumType`, cast. "max_pool": the greatest, cast to
 * `accumType`, cast. No padding.
 */
export interface PoolNode extends Node, Windows {
  readonly op: "average_pool" | "max_pool";
  readonly accumType: FixedPointType;
}

/** cast(x * scale + bias) in one step; element e uses entry e modulo their number. */
export interface BatchNormNode extends Node {
  readonly op: "batchnorm";
  readonly scale: readonly number[];
  readonly scaleType: FixedPointType;
  readonly bias: readonly number[];
  readonly biasType: FixedPointType;
}

/** "relu": cast(x) where x > 0, else 0. "linear": cast(x). */
export interface CastNode extends Node {
  readonly op: "relu" | "linear";
}

/**
 * Entry trunc(x * n / (2 * range)) + n / 2 of a table of n for -range to range, at its
 * ends where that is outside; cast.
 */
export interface TableNode extends Node {
  readonly op: "sigmoid" | "tanh";
  readonly table: readonly number[];
  readonly tableType: FixedPointType;
  /** A power of two. */
  readonly range: number;
}

/**
 * e = cast(exp[top bits of x]) to `sumType`; the sum of all e in a balanced tree (the left
 * side has the greatest power of two below their number), each sum fitted to it; v = inverse[top bits of cast(sum) to `inverseInputType`]; cast(e * v).
 * "softmax_stable" takes cast(d) to `differenceType` instead of x, d as `difference` says.
 * Top bits: as many as the table's length has, of the word as an unsigned one.
 */
export interface SoftmaxNode extends Node {
  readonly op: "softmax_latency" | "softmax_stable";
  readonly expTable: readonly number[];
  readonly expType: FixedPointType;
  readonly inverseTable: readonly number[];
  readonly inverseType: FixedPointType;
  readonly sumType: FixedPointType;
  readonly inverseInputType: FixedPointType;
  readonly difference: "x-max" | "max-x";
  readonly differenceType: FixedPointType;
}

/**
 * For each i: the sum over j, in order and fitted to `tableType`, of exp[trunc((x_j - x_i)
 * * n / 16) + n / 2], and of cast(1) for j = i; then inverse[trunc(sum * n / 64)]; cast.
 * Indices outside the tables of n entries go to their ends.
 */
export interface LegacySoftmaxNode extends Node {
  readonly op: "softmax_legacy";
  readonly expTable: readonly number[];
  readonly inverseTable: readonly number[];
  readonly tableType: FixedPointType;
}

/** cast(1) at the first greatest element, 0 elsewhere. */
export interface ArgmaxNode extends Node {
  readonly op: "softmax_argmax";
}

/** cast(a + b), cast(a - b), cast(a * b), element by element. */
export interface PairNode extends Node {
  readonly op: "add" | "subtract" | "multiply";
}

/** One number: each product cast to `accumType`, each partial sum again, from 0 on; cast. */
export interface DotNode extends Node {
  readonly op: "dot";
  readonly accumType: FixedPointType;
}

/** The elements of all inputs one after the other, each cast. */
export interface ConcatenateNode extends Node {
  readonly op: "concatenate";
}

/** One number: each square cast to `squareType`, summed in a balanced tree, each sum fitted to it; cast. */
export interface SumOfSquaresNode extends Node {
  readonly op: "sum_of_squares";
  readonly squareType: FixedPointType;
}

/**
 * t = cast(x - cast(offset)) to `rawType`; then t * 2^-shift, which stays of that type
 * (right rounds down, left wraps); cast.
 */
export interface OffsetShiftNode extends Node {
  readonly op: "offset_shift";
  /** Numbers, not raw: they may lie between two of `offsetType`. */
  readonly offsets: readonly number[];
  readonly offsetType: FixedPointType;
  readonly rawType: FixedPointType;
  readonly shifts: readonly number[];
}

export type NetworkNode =
  | DenseNode
  | ConvolutionNode
  | PoolNode
  | BatchNormNode
  | CastNode
  | TableNode
  | SoftmaxNode
  | LegacySoftmaxNode
  | ArgmaxNode
  | PairNode
  | DotNode
  | ConcatenateNode
  | SumOfSquaresNode
  | OffsetShiftNode;

/** A row of raw integers under one name. */
export interface NetworkTensor {
  readonly name: string;
  readonly elements: number;
  readonly type: FixedPointType;
}

export interface NetworkOutput extends NetworkTensor {
  /** Name of the node (or input) it is a copy of. */
  readonly node: string;
}

export interface Network {
  readonly name: string;
  /** Whose types the casts follow; the rules are the same, the defaults of a vendor are written out. */
  readonly arithmetic: "ap_fixed" | "ac_fixed";
  readonly inputs: readonly NetworkTensor[];
  /** Each after all it takes. */
  readonly nodes: readonly NetworkNode[];
  readonly outputs: readonly NetworkOutput[];
}
