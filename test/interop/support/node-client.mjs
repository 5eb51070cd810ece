/**
 * `node node-client.mjs HOST:PORT`: a client made from the proto files alone, as the Node example of
 * Triton's clients is. Prints what it was told, as JSON.
 */
import { argv, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const proto = fileURLToPath(new URL("../../../proto/grpc_service.proto", import.meta.url));
const { inference } = loadPackageDefinition(loadSync(proto, { keepCase: true, defaults: true }));
const client = new inference.GRPCInferenceService(argv[2], credentials.createInsecure());
const ask = (method, message) => promisify(client[method].bind(client))(message);

const { live } = await ask("ServerLive", {});
const { ready } = await ask("ServerReady", {});
const { name } = await ask("ModelMetadata", { name: "simple", version: "" });
const first = Array.from({ length: 16 }, (_, i) => i);
const second = first.map(() => 1);
const tensor = (name, numbers) => ({
  name,
  datatype: "INT32",
  shape: [1, 16],
  contents: { int_contents: numbers },
});
const answer = await ask("ModelInfer", {
  model_name: "simple",
  inputs: [tensor("INPUT0", first), tensor("INPUT1", second)],
  outputs: [{ name: "OUTPUT0" }, { name: "OUTPUT1" }],
});
const [sums, differences] = answer.raw_output_contents.map((bytes) =>
  Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i)),
);
stdout.write(JSON.stringify({ live, ready, name, sums, differences }));
client.close();
