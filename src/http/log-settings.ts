/** `GET|POST /v2/logging`. */
import type { FastifyInstance } from "fastify";
import { routeBoth } from "./app.ts";
import { readJsonBody } from "./json-body.ts";
import { asBool, asString, asUint64, isObject } from "./json-value.ts";

type Word = boolean | number | string;
type Words = Readonly<Record<string, Word | undefined>>;

export interface LogControl {
  settings(): Words;
  /** @throws StatusError; then nothing has changed */
  update(words: Words): void;
}

const READERS: Readonly<Record<string, (value: unknown) => Word>> = {
  log_file: (value) => asString(value, ""),
  log_info: (value) => asBool(value, ""),
  log_warning: (value) => asBool(value, ""),
  log_error: (value) => asBool(value, ""),
  log_verbose_level: (value) => Number(asUint64(value, "")),
  log_format: (value) => asString(value, ""),
};

export function addLogSettings(app: FastifyInstance, control: LogControl): void {
  routeBoth(app, "/v2/logging", ({ method, body }, reply) => {
    if (method === "POST") control.update(readWords(readJsonBody(body)));
    return reply.send(control.settings());
  });
}

/** Null is as good as absent, and so is what nobody knows. */
function readWords(request: unknown): Words {
  const words: Record<string, Word> = {};
  if (!isObject(request)) return words;
  for (const [key, read] of Object.entries(READERS)) {
    const value = request[key];
    if (value !== undefined && value !== null) words[key] = read(value);
  }
  return words;
}
