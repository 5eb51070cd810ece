/** ModelConfigResponse: what decides how a model may be asked, and what its own configuration says. */
import type { Datatype } from "../../contract.ts";
import { configDatatype } from "./datatype.ts";
import { WireReader } from "./wire-reader.ts";

/** Fields of ModelConfig, as in proto/model_config.proto. */
const Config = {
  maxBatchSize: 4,
  input: 5,
  output: 6,
  sequenceBatching: 13,
  transactionPolicy: 19,
} as const;

export interface FarConfigTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Without the batch axis where `maxBatchSize` is above 0. */
  readonly dims: readonly number[];
  readonly optional: boolean;
  /** Requests of one batch may differ in shape. */
  readonly ragged: boolean;
}

export interface FarModelConfig {
  readonly maxBatchSize: number;
  readonly inputs: readonly FarConfigTensor[];
  readonly outputs: readonly FarConfigTensor[];
  readonly hasSequences: boolean;
  readonly decoupled: boolean;
}

/** @throws BackendError `device` */
export function readModelConfig(message: Buffer): FarModelConfig {
  const reader = new WireReader(message);
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) return readConfig(reader.message());
    reader.skip();
  }
  return readConfig(new WireReader(Buffer.alloc(0)));
}

function readConfig(reader: WireReader): FarModelConfig {
  const inputs: FarConfigTensor[] = [];
  const outputs: FarConfigTensor[] = [];
  let maxBatchSize = 0;
  let hasSequences = false;
  let decoupled = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === Config.maxBatchSize) maxBatchSize = reader.int64();
    else if (field === Config.input) inputs.push(readTensor(reader.message(), 4));
    else if (field === Config.output) outputs.push(readTensor(reader.message(), 3));
    else if (field === Config.transactionPolicy) decoupled = readFlag(reader.message());
    else {
      hasSequences ||= field === Config.sequenceBatching;
      reader.skip();
    }
  }
  return { maxBatchSize, inputs, outputs, hasSequences, decoupled };
}

/** @param dimsField inputs have a format before their dims, outputs have none */
function readTensor(reader: WireReader, dimsField: 3 | 4): FarConfigTensor {
  let name = "";
  let datatype = 0;
  let optional = false;
  let ragged = false;
  const dims: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) datatype = reader.int64();
    else if (field === dimsField) reader.int64s(dims);
    else if (field === 7 && dimsField === 4) ragged = reader.bool();
    else if (field === 8 && dimsField === 4) optional = reader.bool();
    else reader.skip();
  }
  return { name, datatype: configDatatype(datatype, `tensor "${name}"`), dims, optional, ragged };
}

function readFlag(reader: WireReader): boolean {
  let flag = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) flag = reader.bool();
    else reader.skip();
  }
  return flag;
}
