/** Everything that reads bytes of others: one line each. */
import type { MakeFamily } from "./family.ts";
import { makeAocxFamily, makeGbsFamily, makeXclbinFamily, makeXmodelFamily } from "./fpga-files.ts";
import { makeHttpHeadFamily } from "./http-head.ts";
import { makeJsonFamily } from "./json.ts";
import { makeJwtFamily } from "./jwt.ts";
import { makeNpzFamily } from "./npz.ts";
import { makeOnnxFamily } from "./onnx.ts";
import { makePbtxtFamily } from "./pbtxt.ts";
import { makeProtobufFamily } from "./protobuf.ts";

export const families: Readonly<Record<string, MakeFamily>> = {
  protobuf: makeProtobufFamily,
  json: makeJsonFamily,
  pbtxt: makePbtxtFamily,
  npz: makeNpzFamily,
  xclbin: makeXclbinFamily,
  aocx: makeAocxFamily,
  gbs: makeGbsFamily,
  xmodel: makeXmodelFamily,
  onnx: makeOnnxFamily,
  jwt: makeJwtFamily,
  "http-head": makeHttpHeadFamily,
};
