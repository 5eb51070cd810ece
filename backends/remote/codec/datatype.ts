/** Words for datatypes: those of the protocol, and those of ModelConfig. */
import { BYTES_PER_ELEMENT, type Datatype } from "../../contract.ts";
import { malformed } from "./wire-reader.ts";

/** In the order of ModelConfig's enum `DataType`, from 1 on. */
const IN_CONFIG: readonly Datatype[] = [
  ...(["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32"] as const),
  ...(["INT64", "FP16", "FP32", "FP64", "BYTES", "BF16"] as const),
];

/** @throws BackendError `device` */
export function asDatatype(word: string, place: string): Datatype {
  if (word === "BYTES" || word in BYTES_PER_ELEMENT) return word as Datatype;
  throw malformed(`${place} has datatype "${word.slice(0, 40)}"`);
}

/** @throws BackendError `device` */
export function configDatatype(number: number, place: string): Datatype {
  const datatype = IN_CONFIG[number - 1];
  if (datatype === undefined) throw malformed(`${place} has datatype ${number}`);
  return datatype;
}
