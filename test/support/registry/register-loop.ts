/**
 * `node register-loop.js FOLDER FIRST END`: registers artifacts FIRST to END - 1 in the store and prints
 * `begin N` before each and `ack N GENERATION` when it is acknowledged. Somebody will kill it.
 */
import { writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { Catalog } from "../../../src/registry/catalog/catalog.ts";
import { openFileStore } from "../../../src/store/files/file-store.ts";
import { withArtifact } from "../catalog-model.ts";
import { bytesOf, digestFor, modelNameOf } from "./registrations.ts";

const [folder = "", first = "0", end = "0"] = process.argv.slice(2);
const store = await openFileStore(folder);
const catalog = new Catalog(store);
say("open");
for (let n = Number(first); n < Number(end); n++) {
  say(`begin ${n}`);
  const stored = await store.blobs.put(slowly(bytesOf(n)), {
    maxBytes: 2 ** 20,
    expected: digestFor(n),
  });
  const action = { action: "register", version: String(n), artifact: stored.digest };
  const { digest, sizeBytes } = stored;
  const version = String(n);
  const { generation } = await catalog.change(modelNameOf(n), undefined, "ci", action, (model) =>
    // The process before may have died between commit and acknowledgement.
    model?.versions[version] === undefined
      ? withArtifact(model, version, { digest, sizeBytes }, modelNameOf(n))
      : model,
  );
  say(`ack ${n} ${generation}`);
}

/** At once, not when the event loop comes to it: what was printed was acknowledged before the kill. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function* slowly(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += 16_384) {
    yield bytes.subarray(at, at + 16_384);
    await setImmediate();
  }
}
