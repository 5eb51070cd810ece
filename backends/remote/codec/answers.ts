/** The small messages: who the server is, whether it is ready, which models it has. */
import type { Datatype } from "../../contract.ts";
import { asDatatype } from "./datatype.ts";
import { malformed, WireReader } from "./wire-reader.ts";
import { fieldSize, writeText } from "./wire-size.ts";

/** More models, or tensors of one model, are taken for an attack. */
const MAX_ITEMS = 65_536;

/** What all requests about one model have in common: `name` = 1, `version` = 2. */
export function nameAndVersion(name: string, version: string): Buffer {
  const fields = [name, version].map((text) => Buffer.from(text));
  const message = Buffer.alloc(fields.reduce((sum, text) => sum + fieldSize(text.length), 0));
  let at = 0;
  for (const [i, text] of fields.entries()) at = writeText(message, i + 1, text, at);
  return message;
}

/** ServerReadyResponse, ModelReadyResponse. */
export function readReady(message: Buffer): boolean {
  const reader = new WireReader(message);
  let ready = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) ready = reader.bool();
    else reader.skip();
  }
  return ready;
}

export interface ServerIdentity {
  readonly name: string;
  readonly version: string;
}

/** ServerMetadataResponse. */
export function readServerMetadata(message: Buffer): ServerIdentity {
  const reader = new WireReader(message);
  let name = "";
  let version = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) version = reader.text();
    else reader.skip();
  }
  return { name, version };
}

/** A tensor of a model as the far server describes it. */
export interface FarTensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** Full shape: with the batch axis where the model has one. */
  readonly shape: readonly number[];
}

export interface FarModelMetadata {
  readonly versions: readonly string[];
  /** Empty where the server does not say. */
  readonly platform: string;
  readonly inputs: readonly FarTensorSpec[];
  readonly outputs: readonly FarTensorSpec[];
}

/** ModelMetadataResponse. */
export function readModelMetadata(message: Buffer): FarModelMetadata {
  const reader = new WireReader(message);
  const versions: string[] = [];
  const inputs: FarTensorSpec[] = [];
  const outputs: FarTensorSpec[] = [];
  let platform = "";
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) push(versions, reader.text());
    else if (field === 3) platform = reader.text();
    else if (field === 4) push(inputs, readSpec(reader.message()));
    else if (field === 5) push(outputs, readSpec(reader.message()));
    else reader.skip();
  }
  return { versions, platform, inputs, outputs };
}

function readSpec(reader: WireReader): FarTensorSpec {
  let name = "";
  let datatype = "";
  const shape: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) datatype = reader.text();
    else if (field === 3) reader.int64s(shape);
    else reader.skip();
  }
  return { name, datatype: asDatatype(datatype, `tensor "${name}"`), shape };
}

export interface FarIndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: string;
}

/** RepositoryIndexResponse. */
export function readIndex(message: Buffer): FarIndexEntry[] {
  const reader = new WireReader(message);
  const models: FarIndexEntry[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) push(models, readEntry(reader.message()));
    else reader.skip();
  }
  return models;
}

function readEntry(reader: WireReader): FarIndexEntry {
  const words = ["", "", ""];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field <= 3) words[field - 1] = reader.text();
    else reader.skip();
  }
  const [name = "", version = "", state = ""] = words;
  return { name, version, state };
}

function push<T>(items: T[], item: T): void {
  if (items.length === MAX_ITEMS) throw malformed(`more than ${MAX_ITEMS} items in a list`);
  items.push(item);
}
