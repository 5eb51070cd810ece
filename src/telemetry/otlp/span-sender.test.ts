import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { packageRoot } from "../../package-root.ts";
import { SpanSender } from "./span-sender.ts";

const settings = { url: "http://127.0.0.1:9/v1/traces", timeoutMs: 1000 };
const message = (count: number) => ({ bytes: Uint8Array.of(1, 2, 3), count });

let folder: string;
let sender: SpanSender | undefined;
/** Of that sender. */
let changed: object & typeof settings;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-spans-"));
});
afterEach(async () => {
  await sender?.close();
  sender = undefined;
  await rm(folder, { recursive: true });
});

/** A sender with another thread: `answer` is what it does with `{ id, message }`. */
async function withThread(answer: string): Promise<SpanSender> {
  const entry = join(folder, "thread.mjs");
  const script = `import { parentPort } from "node:worker_threads";
    const tell = (id, failure) => parentPort.postMessage({ id, failure });
    const told = [];
    parentPort.on("message", ({ id, message }) => { ${answer} });
    parentPort.postMessage("ready");`;
  await writeFile(entry, script);
  changed = { ...settings };
  sender = await SpanSender.open(changed, entry);
  return sender;
}

describe("a message of spans", () => {
  it("has arrived, or has not with the reason, as its thread says of it", async () => {
    const opened = await withThread(`
        told.push([id, message.count]);
        if (told.length === 2) for (const [id, count] of told.reverse())
          tell(id, count === 1 ? undefined : "refused " + message.bytes.length);`);
    const [first, second] = [opened.send(message(1)), opened.send(message(2))];
    await expect(second).rejects.toThrow("refused 3");
    await expect(first).resolves.toBeUndefined();
  });

  it("stays with its sender: memory that is handed over makes all buffers of the process dearer", async () => {
    const opened = await withThread("tell(id);");
    const sent = message(1);
    await opened.send(sent);
    expect([...sent.bytes]).toEqual([1, 2, 3]);
  });

  it("is lost with the thread that has it, and the next one has another thread", async () => {
    const opened = await withThread(`
        if (message.count === 1) throw new Error("broken");
        if (message.count === 2) process.exit();
        tell(id);`);
    const send = (count: number) => opened.send(message(count));
    await expect(send(1)).rejects.toThrow("broken");
    await expect(send(3)).resolves.toBeUndefined();
    await expect(send(2)).rejects.toThrow("the thread that sends spans ended");
    await expect(send(3)).resolves.toBeUndefined();
  });

  it("is lost where no thread can be made for it, and nothing else is", async () => {
    const opened = await withThread("process.exit();");
    await expect(opened.send(message(1))).rejects.toThrow("ended");
    // What cannot be given to a thread is refused while it is being made, as a system without room for it does.
    Object.assign(changed, { url: () => "" });
    await expect(opened.send(message(1))).rejects.toThrow("could not be cloned");
    Object.assign(changed, settings);
    await expect(opened.send(message(1))).rejects.toThrow("ended");
  });

  it("has no thread after its sender was closed", async () => {
    const opened = await withThread("tell(id);");
    await opened.close();
    await expect(opened.send(message(1))).rejects.toThrow("sending spans is over");
  });

  it("does not arrive where nobody listens", async () => {
    sender = await SpanSender.open({ ...settings, timeoutMs: 200 });
    await expect(sender.send(message(1))).rejects.toThrow("ECONNREFUSED");
  });

  it("is not waited for any more when its sender is closed", async () => {
    const opened = await withThread("");
    const lost = expect(opened.send(message(1))).rejects.toThrow("ended");
    await opened.close();
    await lost;
  });
});

it("does not begin with a thread that ends before it is ready", async () => {
  const entry = join(folder, "over.mjs");
  await writeFile(entry, "process.exit(0);");
  await expect(SpanSender.open(settings, entry)).rejects.toThrow("ended");
});

it("keeps no process alive", async () => {
  const script = `const { SpanSender } = await import(process.argv[1]);
    await SpanSender.open({ url: "http://127.0.0.1:9/v1/traces", timeoutMs: 1000 });`;
  const built = pathToFileURL(join(packageRoot, "dist/src/telemetry/otlp/span-sender.js")).href;
  const flags = ["--input-type=module", "-e", script, built];
  const { status } = spawnSync(process.execPath, flags, { timeout: 30_000 });
  expect(status).toBe(0);
});

it("does not begin with a URL that is none", async () => {
  await expect(SpanSender.open({ ...settings, url: "no URL" })).rejects.toThrow("no URL");
});
