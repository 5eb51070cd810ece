/** One request: sixteen numbers in, their sums and differences out. Elsewhere: `from "beamgate/client"`. */
import { InferenceClient, tensor } from "../index.ts";

const [address = "127.0.0.1:8001"] = process.argv.slice(2);
const client = new InferenceClient(address);

const numbers = Int32Array.from({ length: 16 }, (_, at) => at);
const result = await client.infer(
  {
    model: "simple",
    inputs: [
      tensor("INPUT0", "INT32", [1, 16], numbers),
      tensor("INPUT1", "INT32", [1, 16], numbers),
    ],
  },
  { timeoutMs: 10_000 },
);
const sums = result.output("OUTPUT0", "INT32").data; // an Int32Array
process.stdout.write(`${sums.join(" ")}\n`);
client.close();
