/**
 * The parameters of a response: members of its JSON, and once more as headers `Beamgate-…` where they tell
 * where it comes from. What all answers of an instance share is written once and joined.
 */
import { BATCH_SIZE, headerName, headerValue, QUEUE_US } from "../../inference/provenance.ts";
import type { InferResponse, Parameters } from "../../inference/request.ts";
import { jsonBytes, quoted } from "../json-text.ts";
import { doubleText } from "./write-tensor.ts";

type Told = Pick<InferResponse, "parameters" | "batchRows" | "queueUs">;

interface Written {
  /** Of a JSON object, without its braces. */
  readonly members: string;
  /** Whole header lines. */
  readonly lines: string;
}

const NOTHING: Written = { members: "", lines: "" };
const BATCH_MEMBER = `,${quoted(BATCH_SIZE)}:`;
const QUEUE_MEMBER = `,${quoted(QUEUE_US)}:`;
const BATCH_LINE = `${titled(BATCH_SIZE)}: `;
const QUEUE_LINE = `${titled(QUEUE_US)}: `;

const known = new WeakMap<Parameters, Written>();

/** A JSON object; undefined where there are none. */
export function parametersJson({ parameters, batchRows, queueUs }: Told): string | undefined {
  let members = writtenOf(parameters).members;
  if (batchRows !== undefined) members += BATCH_MEMBER + batchRows;
  if (queueUs !== undefined) members += QUEUE_MEMBER + queueUs;
  return members === "" ? undefined : `{${members.slice(1)}}`;
}

/** Header lines, each with its end; empty for an answer that tells nothing. */
export function provenanceLines({ parameters, batchRows, queueUs }: Told): string {
  let { lines } = writtenOf(parameters);
  if (batchRows !== undefined) lines += `${BATCH_LINE}${batchRows}\r\n`;
  if (queueUs !== undefined) lines += `${QUEUE_LINE}${queueUs}\r\n`;
  return lines;
}

/** The same as names and values in turn. */
export function provenanceHeaders(told: Told): string[] {
  return provenanceLines(told)
    .split("\r\n")
    .flatMap((line) => (line === "" ? [] : splitLine(line)));
}

function splitLine(line: string): [string, string] {
  const at = line.indexOf(": ");
  return [line.slice(0, at), line.slice(at + 2)];
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
    let members = "";
    let lines = "";
    for (const [key, { type, value }] of parameters) {
      members += `,${quoted(key)}:${parameterText(type === "double", value)}`;
      const text = headerValue(value);
      if (text !== undefined) lines += `${titled(key)}: ${text}\r\n`;
    }
    written = { members, lines };
    known.set(parameters, written);
  }
  return written;
}

/** `beamgate_batch_size` → `Beamgate-Batch-Size` */
function titled(parameter: string): string {
  return headerName(parameter).replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
