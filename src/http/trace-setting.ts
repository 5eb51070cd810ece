/** `GET|POST /v2/trace/setting` and `/v2/models/{model}/trace/setting`. */
import type { FastifyInstance } from "fastify";
import { routeBoth } from "./app.ts";
import { readJsonBody } from "./json-body.ts";
import { asString, isObject, jsonError } from "./json-value.ts";

type Words = ReadonlyMap<string, readonly string[]>;

export interface TraceControl {
  /** @param model empty: the global settings. @throws StatusError for a model that is not ready */
  settings(model: string): Words;
  /** An empty list clears. @throws StatusError; then nothing has changed */
  update(model: string, words: Words): void;
}

/** The one setting that is a list in JSON; the others are texts. */
const LIST = "trace_level";
const KEYS = ["trace_file", LIST, "trace_rate", "trace_count", "log_frequency"];

export function addTraceSetting(app: FastifyInstance, control: TraceControl): void {
  for (const url of ["/v2/trace/setting", "/v2/models/:model/trace/setting"]) {
    routeBoth<{ readonly model?: string }>(app, url, ({ method, params, body }, reply) => {
      const { model = "" } = params;
      if (method === "POST") {
        const words = readWords(readJsonBody(body));
        // Asked even where nothing changes: whether the model is known.
        if (words.size === 0) control.settings(model);
        else control.update(model, words);
      }
      return reply.send(written(control.settings(model)));
    });
  }
}

function readWords(request: unknown): Words {
  if (!isObject(request)) return new Map();
  const given = Object.entries(request).filter(([key]) => KEYS.includes(key));
  return new Map(given.map(([key, value]) => [key, wordsOf(key, value)]));
}

/** Null clears. */
function wordsOf(key: string, value: unknown): readonly string[] {
  if (value === null) return [];
  if (key !== LIST) return [asString(value, "")];
  if (!Array.isArray(value)) throw jsonError("", "attempt to access JSON non-array as array");
  return value.map((level) => asString(level, ""));
}

function written(words: Words): object {
  return Object.fromEntries(
    [...words].map(([key, value]) => [key, key === LIST ? value : value.join(",")]),
  );
}
