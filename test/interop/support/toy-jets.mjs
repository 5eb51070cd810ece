/** Writes observables of toy jets, FP32 [rows, 16], to the standard output: `node toy-jets.mjs ROWS SEED`. */
import { once } from "node:events";
import { argv, stdout } from "node:process";

const made = new URL("../../../dist/models/make/", import.meta.url);
const { generateTaggerSample } = await import(new URL("data/jet-observables.js", made).href);
const { Random } = await import(new URL("random.js", made).href);

const { inputs } = generateTaggerSample(new Random(Number(argv[3])), Number(argv[2]));
const written = stdout.write(new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength));
if (!written) await once(stdout, "drain");
