/** A model that answers one request as often as it likes. */
import { InferenceClient, tensor } from "../index.ts";

const [address = "127.0.0.1:8001"] = process.argv.slice(2);
const client = new InferenceClient(address);

const inputs = [
  tensor("IN", "INT32", [3], [4, 5, 6]),
  tensor("DELAY", "UINT32", [3], [0, 0, 0]), // ms before each answer
  tensor("WAIT", "UINT32", [1], [0]),
];
for await (const result of client.responses({ model: "repeat_int32", inputs })) {
  process.stdout.write(`${result.output("OUT", "INT32").data[0]}\n`);
}
client.close();
