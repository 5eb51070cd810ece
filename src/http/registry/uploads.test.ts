import { request as httpRequest } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf, fakeRoom } from "../../../test/support/fake-registry.ts";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { createHttpServer } from "../inference-server.ts";
import type { RegistryRoom } from "./room.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** The address below which everything of ours lies. */
async function serve(room: RegistryRoom): Promise<string> {
  const server = createHttpServer({ ...testServerOptions(), registry: room });
  await server.start();
  ends.push(() => server.stop());
  return `http://127.0.0.1:${server.port}/v2/beamgate`;
}

async function ask(url: string, method = "GET") {
  const response = await fetch(url, { method });
  return { status: response.status, body: (await response.json()) as unknown };
}

describe("an upload", () => {
  const bytes = Buffer.alloc(3_000_000, "beam");
  const digest = digestOf(bytes);
  const patch = (url: string, offset: number, body: Buffer, headers = {}) =>
    fetch(`${url}/uploads/${digest}`, {
      method: "PATCH",
      body: new Uint8Array(body),
      headers: { "upload-offset": String(offset), ...headers },
    });

  it("in pieces becomes a blob when it is finished", async () => {
    const { room, uploads } = fakeRoom();
    const url = await serve(room);
    expect((await ask(`${url}/uploads/${digest}`)).body).toEqual({
      ...{ digest, receivedBytes: 0, complete: false },
    });
    await patch(url, 0, bytes.subarray(0, 2_000_000));
    const head = await fetch(`${url}/uploads/${digest}`, { method: "HEAD" });
    expect([head.status, head.headers.get("upload-offset"), await head.text()]).toEqual([
      200,
      "2000000",
      "",
    ]);
    const second = await patch(url, 2_000_000, bytes.subarray(2_000_000));
    expect(await second.json()).toEqual({ digest, receivedBytes: 3_000_000, complete: false });
    const finished = await ask(`${url}/uploads/${digest}/finish`, "POST");
    expect(finished.body).toEqual({ digest, receivedBytes: 3_000_000, complete: true });
    expect(uploads.blobs.get(digest)?.equals(bytes)).toBe(true);
  });

  it("of what is there already is told so without its bytes being read", async () => {
    const { room, uploads } = fakeRoom();
    uploads.blobs.set(digest, bytes);
    const url = await serve(room);
    for (const answer of [await fetch(`${url}/uploads/${digest}`), await patch(url, 0, bytes)]) {
      expect(await answer.json()).toEqual({ digest, receivedBytes: 3_000_000, complete: true });
    }
    expect(uploads.parts.size).toBe(0);
  });

  it("at a wrong offset is 409 with the right one", async () => {
    const { room, uploads } = fakeRoom();
    uploads.parts.set(digest, bytes.subarray(0, 10));
    const answer = await patch(await serve(room), 0, bytes);
    expect([answer.status, answer.headers.get("upload-offset")]).toEqual([409, "10"]);
    expect(await answer.json()).toMatchObject({ code: "FAILED_PRECONDITION", receivedBytes: 10 });
  });

  it("keeps what came before its client hung up, and goes on from there", async () => {
    const { room, uploads } = fakeRoom();
    const url = await serve(room);
    await hangUpAfter(`${url}/uploads/${digest}`, bytes.subarray(0, 1_500_000), bytes.length);
    await expect.poll(() => uploads.parts.get(digest)?.length).toBe(1_500_000);
    await expect
      .poll(async () => (await patch(url, 1_500_000, bytes.subarray(1_500_000))).status)
      .toBe(200);
    const finished = await ask(`${url}/uploads/${digest}/finish`, "POST");
    expect(finished.body).toMatchObject({ complete: true });
  });

  it("that would be too large is refused before its bytes are read", async () => {
    const { room, uploads } = fakeRoom();
    const url = await serve({ ...room, maxArtifactBytes: 2_999_999 });
    for (const answer of [
      await patch(url, 0, bytes),
      await patch(url, 0, bytes.subarray(0, 10), { "upload-length": "3000000" }),
      await patch(url, 2_999_999, bytes.subarray(0, 10)),
    ]) {
      expect(answer.status).toBe(400);
      expect(await answer.text()).toContain("registry.maxArtifactBytes");
    }
    expect(uploads.parts.size).toBe(0);
  });

  it("with other bytes than its digest is refused", async () => {
    const url = await serve(fakeRoom().room);
    await patch(url, 0, bytes.subarray(1));
    expect(await ask(`${url}/uploads/${digest}/finish`, "POST")).toMatchObject({
      status: 400,
      body: { code: "INVALID_ARGUMENT" },
    });
  });

  it.each([
    ["sha256:../../../etc/passwd", "0"],
    [digest.toUpperCase(), "0"],
    [digest, "-1"],
    [digest, "1e3"],
  ])("of %s at %s is refused", async (named, offset) => {
    const url = await serve(fakeRoom().room);
    const answer = await fetch(`${url}/uploads/${encodeURIComponent(named)}`, {
      method: "PATCH",
      body: "x",
      headers: { "upload-offset": offset },
    });
    expect(answer.status).toBe(400);
  });

  it("without an offset is refused", async () => {
    const url = await serve(fakeRoom().room);
    const answer = await fetch(`${url}/uploads/${digest}`, { method: "PATCH", body: "x" });
    expect([answer.status, await answer.text()]).toEqual([
      400,
      expect.stringContaining("Upload-Offset"),
    ]);
  });

  it("that two send at once is taken from one, the other is told to wait", async () => {
    const { room } = fakeRoom();
    const url = await serve(room);
    const first = open(`${url}/uploads/${digest}`, bytes.length);
    first.write(bytes.subarray(0, 2_000_000));
    await expect.poll(async () => (await patch(url, 0, bytes)).status).toBe(409);
    first.destroy();
  });
});

function open(url: string, length: number) {
  const request = httpRequest(url, {
    method: "PATCH",
    headers: { "upload-offset": "0", "content-length": String(length) },
  });
  request.on("error", () => undefined);
  return request;
}

async function hangUpAfter(url: string, part: Buffer, length: number): Promise<void> {
  const request = open(url, length);
  await new Promise<void>((resolve) => request.write(part, () => resolve()));
  // The kernel has it: what was sent arrives before the end does.
  request.socket?.destroySoon();
}
