/**
 * The parameters of a response: members of its JSON, and once more in a header where they tell where it comes
 * from. What all answers of an instance share is written once and joined.
 */
import {
  BATCH_SIZE,
  type OwnOrigin,
  originText,
  ownOriginText,
  QUEUE_US,
} from "../../inference/provenance.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { jsonBytes, quoted } from "../json-text.ts";
import { doubleText } from "./write-tensor.ts";

/** With numbers, or what stands for them. */
export type Told = Pick<InferResponse, "parameters"> & OwnOrigin;

interface Written {
  /** The beginning of a JSON object. */
  readonly begun: string;
  /** Of the header. */
  readonly origin: string;
}

const NOTHING: Written = { begun: "{", origin: "" };
/** As HTTP/1.1 spells it. */
export const ORIGIN = "Beamgate-Origin";
const BATCH_MEMBER = `${quoted(BATCH_SIZE)}:`;
const QUEUE_MEMBER = `${quoted(QUEUE_US)}:`;

const known = new WeakMap<Parameters, Written>();

/** A JSON object; undefined where there are none. */
export function parametersJson({ parameters, batchRows, queueUs }: Told): string | undefined {
  let json = writtenOf(parameters).begun;
  if (batchRows !== undefined) json += (json === "{" ? "" : ",") + BATCH_MEMBER + batchRows;
  if (queueUs !== undefined) json += (json === "{" ? "" : ",") + QUEUE_MEMBER + queueUs;
  return json === "{" ? undefined : `${json}}`;
}

/** Value of the header; undefined for an answer that tells nothing. */
export function originHeader(told: Told): string | undefined {
  if (told.parameters === undefined) return undefined;
  return writtenOf(told.parameters).origin + ownOriginText(told);
}

/** The value of a parameter in JSON; 64-bit integers keep their digits. */
export function parameterText(double: boolean, value: boolean | number | bigint | string): string {
  if (typeof value === "bigint") return value.toString();
  if (double) return doubleText(Number(value));
  return jsonBytes(value);
}

function writtenOf(parameters: Parameters | undefined): Written {
  if (parameters === undefined) return NOTHING;
  let written = known.get(parameters);
  if (written === undefined) {
    const members = Array.from(parameters, ([key, { type, value }]) => {
      return `${quoted(key)}:${parameterText(type === "double", value)}`;
    });
    written = { begun: `{${members.join(",")}`, origin: originText(parameters) };
    known.set(parameters, written);
  }
  return written;
}
