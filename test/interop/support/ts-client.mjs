/** What the client of this package makes of a server's answers: `node ts-client.mjs ADDRESS`, JSON on stdout. */
import { argv, stdout } from "node:process";
import { fromFp16, InferenceClient, tensor, texts } from "../../../dist/src/client/index.js";

const client = new InferenceClient(argv[2]);
const told = {};

const numbers = Int32Array.from({ length: 48 }, (_, at) => at);
const inputs = ["INPUT0", "INPUT1"].map((name) => tensor(name, "INT32", [3, 16], numbers));
const sum = await client.infer({ model: "simple", id: "τ", inputs, outputs: ["OUTPUT0"] });
told.sum = {
  id: sum.id,
  names: [...sum.outputs.keys()],
  shape: sum.output("OUTPUT0", "INT32").shape,
};
told.sums = [...sum.output("OUTPUT0", "INT32").data];

const words = tensor("INPUT0", "BYTES", [1, 4], ["e", "mu", "", "τ"]);
told.words = texts(
  (await client.infer({ model: "strings", inputs: [words] })).output("OUTPUT0", "BYTES"),
);

const halves = tensor("INPUT0", "FP16", [1, 4], [1, -2, 0.1, 65504]);
told.halves = [
  ...fromFp16(
    (await client.infer({ model: "half", inputs: [halves] })).output("OUTPUT0", "FP16").data,
  ),
];

const wide = tensor("INPUT0", "INT64", [1, 2], [2n ** 62n, -1]);
told.wide = [
  ...(await client.infer({ model: "counted", inputs: [wide] })).output("OUTPUT0", "INT64").data,
].map(String);

told.many = [];
const often = [tensor("INPUT0", "INT32", [1, 1], [3])];
for await (const each of client.responses({ model: "stream", inputs: often })) {
  told.many.push(each.output("OUTPUT0", "INT32").data[0]);
}

const stream = await client.stream();
told.streamed = [];
for (const model of ["simple", "nobody", "simple"]) await stream.send({ model, id: model, inputs });
stream.end();
for await (const { result, error } of stream) {
  told.streamed.push(result ? result.output("OUTPUT1", "INT32").data[1] : error.code);
}

const refusal = (error) => ({ code: error.code, attempts: error.attempts });
told.unknown = await client.infer({ model: "nobody", inputs }).catch(refusal);
told.wrong = await client.infer({ model: "simple", inputs: [words] }).catch(refusal);
told.live = [
  await client.serverLive(),
  await client.serverReady(),
  await client.modelReady("half"),
];
told.index = (await client.repositoryIndex()).map(({ name, state }) => `${name} ${state}`).sort();
const { inputs: described } = await client.modelMetadata("half");
told.metadata = described;
told.config = (await client.modelConfig("half")).maxBatchSize;
told.rows = (await client.statistics("half"))[0].inferenceCount;
client.close();
stdout.write(`${JSON.stringify(told)}\n`);
