/** What is there, and how it fares; `load NAME` and `unload NAME` where the server is in explicit mode. */
import { InferenceClient, InferenceError } from "../index.ts";

const [address = "127.0.0.1:8001", action, model = ""] = process.argv.slice(2);
const client = new InferenceClient(address);
try {
  if (action === "load") await client.loadModel(model);
  if (action === "unload") await client.unloadModel(model);

  const { name, version } = await client.serverMetadata();
  process.stdout.write(`${name} ${version}\n`);
  for (const { name, version, state, reason } of await client.repositoryIndex()) {
    process.stdout.write(`${name}:${version} ${state} ${reason}\n`);
  }
  for (const { name, inferenceCount, executionCount } of await client.statistics()) {
    process.stdout.write(`${name}: ${inferenceCount} rows in ${executionCount} batches\n`);
  }
} catch (error) {
  if (!(error instanceof InferenceError)) throw error;
  process.stderr.write(`${error.message}\n`); // RepositoryModelLoad: UNAVAILABLE: …
  process.exitCode = 1;
}
client.close();
