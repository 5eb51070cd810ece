/** The header of ONNX files: graphs with what the gateway must know of them, without ONNX Runtime. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Place } from "../../../backends/common/artifact-file/place.ts";
import { describeOnnx, inspectOnnx } from "../../../backends/common/onnxruntime/artifact.ts";
import { readOnnxGraph } from "../../../backends/common/onnxruntime/onnx-graph.ts";
import {
  MalformedProtobuf,
  ProtobufWindow,
} from "../../../backends/common/protobuf-wire/protobuf-window.ts";
import { packageRoot } from "../../../src/package-root.ts";
import { field, message, varint } from "../../support/make-protobuf.ts";
import { LARGEST_SEED_BYTES, type MakeFamily, outcomeOf } from "./family.ts";
import { asFile, inMemory } from "./in-memory.ts";

export const makeOnnxFamily: MakeFamily = (scratch) => {
  const seeds = [...ours(), withExternalData()];
  return {
    seeds,
    read: (mutant, random) => {
      const path = asFile(mutant, scratch, random);
      return outcomeOf(async () => {
        if (path === undefined) await graph(mutant);
        else {
          JSON.stringify(await describeOnnx({ path, format: "onnx", digest: "", platform: "any" }));
          JSON.stringify(await inspectOnnx(path));
        }
      });
    },
  };
};

async function graph(bytes: Buffer): Promise<void> {
  try {
    await readOnnxGraph(new ProtobufWindow(inMemory(bytes), bytes.length));
  } catch (thrown) {
    if (!(thrown instanceof MalformedProtobuf)) throw thrown;
    throw new Place("onnx").refusal(thrown.message);
  }
}

/** Small models of the default repository. */
function ours(): Buffer[] {
  const models = join(packageRoot, "models");
  return readdirSync(models, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(models, name, "1", "model.onnx"))
    .filter((path) => {
      const facts = statSync(path, { throwIfNoEntry: false });
      return facts !== undefined && facts.size <= LARGEST_SEED_BYTES;
    })
    .map((path) => readFileSync(path));
}

/** A weight that lies in another file: the field that attackers like best. */
function withExternalData(): Buffer {
  const entry = (key: string, value: string) => field(13, message(field(1, key), field(2, value)));
  const weight = message(
    field(1, message(varint(4))),
    field(2, 1),
    field(8, "w"),
    entry("location", "weights.bin"),
    entry("offset", "0"),
    entry("length", "16"),
    field(14, 1),
  );
  const value = (name: string) =>
    message(
      field(1, name),
      field(
        2,
        message(field(1, message(field(1, 1), field(2, message(field(1, message(field(1, 4)))))))),
      ),
    );
  const node = message(field(1, "x"), field(1, "w"), field(2, "y"), field(4, "Add"));
  const body = message(
    field(1, node),
    field(2, "g"),
    field(5, weight),
    field(11, value("x")),
    field(12, value("y")),
  );
  return message(field(1, 8), field(7, body), field(8, message(field(2, 17))));
}
