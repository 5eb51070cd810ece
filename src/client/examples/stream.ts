/** Many requests on one stream, in flight together; and a sequence. */
import { InferenceClient, tensor } from "../index.ts";

const [address = "127.0.0.1:8001"] = process.argv.slice(2);
const client = new InferenceClient(address);
const stream = await client.stream();

async function ask(): Promise<void> {
  for (let event = 0; event < 1000; event++) {
    const rows = Int32Array.from({ length: 16 }, () => event);
    const inputs = [
      tensor("INPUT0", "INT32", [1, 16], rows),
      tensor("INPUT1", "INT32", [1, 16], rows),
    ];
    await stream.send({ model: "simple", id: String(event), inputs });
  }
  stream.end();
}

async function read(): Promise<number> {
  let right = 0;
  for await (const { result, error } of stream) {
    if (error) throw error; // of one request; the stream would go on
    const [sum] = result.output("OUTPUT0", "INT32").data;
    if (sum === 2 * Number(result.id)) right++;
  }
  return right;
}

// Side by side: who only sends fills the connection, and waits for himself.
const [right] = await Promise.all([read(), ask()]);
process.stdout.write(`${right} of 1000 answers are right\n`);

const sums: (number | undefined)[] = [];
for (const [at, value] of [1, 2, 3].entries()) {
  const result = await client.infer({
    model: "running_sum",
    inputs: [tensor("INPUT", "INT32", [1, 1], [value])],
    sequence: { id: 7, start: at === 0, end: at === 2 },
  });
  sums.push(result.output("OUTPUT", "INT32").data[0]);
}
process.stdout.write(`running sums: ${sums.join(" ")}\n`);
client.close();
