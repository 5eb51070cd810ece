/**
 * What a text in YAML says. A long one is read in a thread of its own: its tree takes a hundred times its length,
 * which goes with the thread, and the gateway answers meanwhile.
 */
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { parseDocument } from "yaml";

/** Of one that is read at once, characters: some milliseconds. */
const SHORT = 32 * 1024;

/** What the thread does; it has no module of ours, so that it also runs where the sources are not built. */
const READ = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { parseDocument } = require(workerData.yaml);
  const document = parseDocument(workerData.text);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(error.message);
  parentPort.postMessage(document.toJS({ maxAliasCount: 0 }));
`;

/** @throws Error saying what is wrong, and where */
export function yamlValue(text: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw error;
  return document.toJS({ maxAliasCount: 0 });
}

/** The same. */
export function yamlValueOf(text: string): Promise<unknown> {
  if (text.length <= SHORT) return Promise.resolve(text).then(yamlValue);
  const yaml = createRequire(import.meta.url).resolve("yaml");
  return new Promise((resolve, reject) => {
    const reader = new Worker(READ, { eval: true, workerData: { text, yaml } });
    reader.once("message", resolve);
    reader.once("error", reject);
    reader.once("exit", () => reject(new Error("its reader ended without an answer")));
  });
}
