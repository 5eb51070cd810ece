/** The answers of a connection mostly differ in numbers and raw bytes alone: see `known-answer.ts`. */
import type { InferResponse, OutputTensor } from "../../inference/request.ts";
import type { OutputForms } from "../infer/output-form.ts";
import { formOf, rawOutputs } from "../infer/write-response.ts";
import { AnswerForm, type KnownAnswer } from "./known-answer.ts";

/** Beyond, what is saved does not matter. */
const MOST_RAW_BYTES = 4096;
/** What is kept of an answer for as long as its connection lasts stays small, whatever a client asks for. */
const LONGEST_ID = 256;
const MOST_OUTPUTS = 64;

type Announced = Pick<OutputTensor, "name" | "datatype" | "shape"> & {
  readonly byteLength: number;
};

/** What an answer says beside its numbers and raw bytes. */
interface Said {
  readonly wanted: OutputForms;
  readonly id: string;
  readonly model: string;
  readonly version: string;
  readonly parameters: InferResponse["parameters"];
  readonly outputs: readonly Announced[];
  readonly rawBytes: number;
  /** Made for the second one that says the same. */
  form: AnswerForm | undefined;
}

export class LastAnswer {
  #said: Said | undefined;

  /** Copies the raw outputs. undefined: it has to be written as a whole, and is what the next one is compared with. */
  known(response: InferResponse, wanted: OutputForms): KnownAnswer | undefined {
    const { parameters, batchRows, queueUs } = response;
    if (parameters === undefined || batchRows === undefined || queueUs === undefined) {
      return undefined;
    }
    const said = this.#said;
    if (said === undefined || !isLike(said, response, wanted)) {
      this.#said = saidBy(response, wanted);
      return undefined;
    }
    said.form ??= new AnswerForm(response, parameters, wanted);
    const raw = rawOutputs(response, wanted, said.rawBytes);
    return { form: said.form, batchRows, queueUs, raw };
  }
}

/** undefined: a tensor stands in the JSON, no byte behind it or many, or it is too much to be kept. */
function saidBy(response: InferResponse, wanted: OutputForms): Said | undefined {
  const { id, model, version, parameters } = response;
  if (id.length > LONGEST_ID || response.outputs.length > MOST_OUTPUTS) return undefined;
  if (wanted.forms.length > MOST_OUTPUTS) return undefined;
  let rawBytes = 0;
  for (const [at, { data }] of response.outputs.entries()) {
    const form = formOf(wanted, at);
    if (form === "json") return undefined;
    if (form === "binary") rawBytes += data.byteLength;
  }
  if (rawBytes === 0 || rawBytes > MOST_RAW_BYTES) return undefined;
  const outputs = response.outputs.map(({ name, datatype, shape, data }) => {
    return { name, datatype, shape: [...shape], byteLength: data.byteLength };
  });
  return { wanted, id, model, version, parameters, outputs, rawBytes, form: undefined };
}

function isLike(said: Said, response: InferResponse, wanted: OutputForms): boolean {
  const { outputs } = response;
  if (said.wanted !== wanted || said.outputs.length !== outputs.length) return false;
  if (said.parameters !== response.parameters || said.id !== response.id) return false;
  if (said.model !== response.model || said.version !== response.version) return false;
  for (let at = 0; at < outputs.length; at += 1) {
    const [output, before] = [outputs[at], said.outputs[at]];
    if (output === undefined || before === undefined || !isSame(output, before)) return false;
  }
  return true;
}

function isSame({ name, datatype, shape, data }: OutputTensor, before: Announced): boolean {
  if (before.name !== name || before.datatype !== datatype) return false;
  if (before.byteLength !== data.byteLength || before.shape.length !== shape.length) return false;
  for (let axis = 0; axis < shape.length; axis += 1) {
    if (before.shape[axis] !== shape[axis]) return false;
  }
  return true;
}
