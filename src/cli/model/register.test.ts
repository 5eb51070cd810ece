import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
  digestOf,
  fakeArtifact,
  fakeRoom,
  type MemoryUploads,
} from "../../../test/support/fake-registry.ts";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { runCli } from "../../../test/support/run-cli.ts";
import { StatusError } from "../../errors.ts";
import { createHttpServer } from "../../http/inference-server.ts";
import type { RegistryRoom } from "../../http/registry/room.ts";
import type { CheckResult } from "../../registry/catalog/types.ts";
import { isSignatureOf, readPublicKey } from "../../registry/trust/artifact-signature.ts";
import type { Io } from "../io.ts";
import { Progress } from "./progress.ts";
import { type DryRunLocally, registerCommand } from "./register.ts";
import { upload } from "./upload.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-register-"));
afterAll(() => rmSync(folder, { recursive: true }));
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function serve(room: RegistryRoom | undefined, port = 0) {
  const server = createHttpServer({ ...testServerOptions(), port, registry: room });
  await server.start();
  ends.push(() => server.stop());
  return server;
}

async function withGateway(room: RegistryRoom) {
  const { port } = await serve(room);
  const env = { BEAMGATE_URL: `127.0.0.1:${port}`, BEAMGATE_USER: "ci" };
  return (argv: readonly string[], told: Partial<Io> = {}) =>
    runCli(["model", "register", ...argv], env, told);
}

const artifact = file("net.xclbin", "the bitstream");
const BASE = ["--name", "jets", "--version", "2", "--vendor", "xilinx", "--artifact", artifact];

describe("model register", () => {
  it("sends every file once and registers it by its digests", async () => {
    const { room, asked, uploads } = fakeRoom();
    const run = await withGateway(room);
    const { exitCode, out, err } = await run([
      ...BASE,
      ...["--manifest", file("manifest.json", '{"manifest": 1}')],
      ...["--config", file("config.pbtxt", "max_batch_size: 8")],
      ...["--golden", file("in.npz", "inputs"), file("out.npz", "outputs")],
      ...["--class", "ulp:4", "scores=abs:0.02,rel:1e-3"],
      ...["--file", file("labels.txt", "labels"), `notes/a.txt=${file("b.txt", "notes")}`],
      ...["--reference", "--promote", "candidate", "--generation", "6"],
    ]);
    expect([exitCode, err.includes("error")]).toEqual([0, false]);
    expect(asked).toEqual([
      [
        "register",
        {
          ...{ name: "jets", version: "2", vendor: "xilinx", file: "net.xclbin" },
          artifact: digestOf("the bitstream"),
          manifest: { manifest: 1 },
          config: "max_batch_size: 8",
          golden: { inputs: digestOf("inputs"), outputs: digestOf("outputs") },
          equivalence: {
            class: { kind: "ulp", max: 4 },
            outputs: { scores: { kind: "abs-rel", abs: 0.02, rel: 0.001 } },
          },
          files: { "labels.txt": digestOf("labels"), "notes/a.txt": digestOf("notes") },
          ...{ reference: true, promote: "candidate", generation: 6 },
        },
        "unverified:ci@127.0.0.1",
      ],
    ]);
    for (const content of ["the bitstream", "inputs", "outputs", "labels", "notes"]) {
      expect(uploads.blobs.get(digestOf(content))?.toString()).toBe(content);
    }
    expect(out).toMatch(/^state +ready$/m);
  });

  it("prints the report alone as JSON, and the checks as they come beside it", async () => {
    const checks = [
      { check: "container", outcome: "passed", reason: "12 sections" },
      { check: "golden", outcome: "skipped", reason: "none were given" },
    ] as const;
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        for (const check of checks) tell({ step: "check", check });
        return { generation: 8, unchanged: true, artifact: fakeArtifact(), checks };
      },
    });
    const { out, err } = await (await withGateway(room))([...BASE, "-o", "json"]);
    expect(JSON.parse(out)).toMatchObject({ generation: 8, unchanged: true, checks });
    expect(err).toContain("✓ container: 12 sections\n- golden: none were given\n");
    expect(err).not.toContain("\u001b");
  });

  it("draws how far it is on a terminal, over one line", async () => {
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        tell({ step: "check", check: { check: "container", outcome: "passed", reason: "fine" } });
        tell({ step: "gate", doneRows: 10, rows: 10 });
        return { generation: 8, unchanged: false, artifact: fakeArtifact(), checks: [] };
      },
    });
    const run = await withGateway(room);
    const { err } = await run(BASE, { interactive: true });
    expect(err).toContain("\u001b[32m✓\u001b[0m container: fine\n");
    expect(err).toContain("\r\u001b[Kgate: 10 of 10 rows");
    expect(err.endsWith("\r\u001b[K")).toBe(true);
  });

  it("that is refused ends with 3, the failed check and its remedy", async () => {
    const check: CheckResult = {
      check: "platform",
      outcome: "failed",
      reason: "it is for a U250",
      remedy: "compile it for the U50",
    };
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        tell({ step: "check", check });
        throw new StatusError("INVALID_ARGUMENT", "platform: it is for a U250");
      },
    });
    const { exitCode, out, err } = await (await withGateway(room))(BASE);
    expect([exitCode, out]).toEqual([3, ""]);
    expect(err).toContain("✗ platform: it is for a U250\n  → compile it for the U50\n");
    expect(err).toContain("error: platform: it is for a U250\n");
  });

  it("that somebody else was faster with ends with 3 and the generation", async () => {
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        tell({ step: "publish" });
        throw new StatusError("ABORTED", "somebody was first");
      },
    });
    const { exitCode, err } = await (await withGateway(room))(BASE);
    expect(exitCode).toBe(3);
    expect(err).toContain("somebody was first (the model is at generation 7 now)");
  });

  it("sends nothing again that is there, and reads nothing of it where --sha256 says what it is", async () => {
    const { room, asked, uploads } = fakeRoom();
    const digest = digestOf("something else");
    uploads.blobs.set(digest, Buffer.from("something else"));
    const run = await withGateway(room);
    const { exitCode } = await run([...BASE, "--sha256", digest.slice(7)]);
    expect(exitCode).toBe(0);
    expect(asked[0]?.[1]).toMatchObject({ artifact: digest });
    expect(uploads.blobs.size).toBe(1);
  });

  it("refuses a file that is not what --sha256 says", async () => {
    const { room, asked } = fakeRoom();
    const run = await withGateway(room);
    const { exitCode, err } = await run([...BASE, "--sha256", digestOf("other")]);
    expect([exitCode, asked]).toEqual([3, []]);
    expect(err).toContain("other bytes");
  });

  it("signs with a key, and takes a signature from a file", async () => {
    const key = join(folder, "key.pem");
    const made = await runCli(["model", "keys", "new", "--out", key, "-o", "json"]);
    const { publicKey }: { publicKey: string } = JSON.parse(made.out);
    const [digest, pub] = [digestOf("the bitstream"), readPublicKey(publicKey)];

    const { room, asked } = fakeRoom();
    const run = await withGateway(room);
    await run([...BASE, "--sign-with", key, "--key-id", "alice"]);
    const sign = ["model", "sign", artifact, "--key", key, "--key-id", "alice"];
    const signed = await runCli([...sign, "--vendor", "xilinx", "-o", "json"]);
    await run([...BASE, "--signature", file("signature.json", signed.out)]);
    const bare = await runCli([...sign, "--vendor", "xilinx"]);
    await run([...BASE, "--signature", file("signature", bare.out), "--key-id", "alice"]);

    const signatures = asked.map(([, registration]) => (registration as Signed).signature);
    expect(signatures).toHaveLength(3);
    for (const { keyId, value } of signatures) {
      expect(keyId).toBe("alice");
      expect(isSignatureOf(value, digest, "xilinx", pub)).toBe(true);
    }
  });

  it.each([
    [["--vendor", "amd"], "Allowed choices are xilinx"],
    [["--artifact", join(folder, "none")], "artifact: there is no file"],
    [["--artifact", folder], "is no file"],
    [["--artifact", file("empty", "")], "is empty"],
    [["--manifest", artifact], "is no JSON"],
    [["--golden", artifact, artifact, artifact], "expected in.npz"],
    [["--class", "ulp"], "the forms are bit-exact, ulp:4"],
    [["--sha256", "12"], "expected 64 hexadecimal digits"],
    [["--sign-with", artifact], "--key-id"],
    [["--sign-with", artifact, "--key-id", "x"], "the private key cannot be read"],
    [["--signature", artifact], "expected the JSON of 'beamgate model sign"],
    [["--file", "=x"], "expected PATH or NAME=PATH"],
    [["--name", "jets:3"], "expected NAME and --version"],
    [["--name", "jets@cpu"], "expected NAME and --version"],
  ])("%j is wrong usage", async (more, reason) => {
    const { room, asked } = fakeRoom();
    const { exitCode, err } = await (await withGateway(room))([...BASE, ...more]);
    expect(err).toContain(reason);
    expect([exitCode, asked]).toEqual([2, []]);
  });

  it("wants a name and a version, which may be said at once", async () => {
    const { room, asked } = fakeRoom();
    const run = await withGateway(room);
    const unnamed = ["--vendor", "xilinx", "--artifact", artifact];
    expect((await run(unnamed)).err).toContain("--name and --version");
    expect((await run(["--name", "jets:2", ...unnamed])).exitCode).toBe(0);
    expect(asked[0]?.[1]).toMatchObject({ name: "jets", version: "2" });
  });
});

interface Signed {
  readonly signature: { readonly keyId: string; readonly value: string };
}

describe("model register --dry-run", () => {
  const failed = { check: "platform", outcome: "failed", reason: "for a U250" } as const;

  it("wants an artifact and a vendor only, and ends with 3 where a check fails", async () => {
    for (const [checks, exitCode] of [
      [fakeArtifact().checks, 0],
      [[failed], 3],
    ] as const) {
      const { room } = fakeRoom({ dryRun: async () => checks });
      const run = await withGateway(room);
      const unnamed = ["--vendor", "xilinx", "--artifact", artifact, "--dry-run"];
      const done = await run([...unnamed, "-o", "json"]);
      expect(done.exitCode).toBe(exitCode);
      expect(JSON.parse(done.out)).toEqual({ checks });
    }
  });

  it("without a gateway, or without a registry in it, checks what can be checked here", async () => {
    const without = await serve(undefined);
    for (const port of [1, without.port]) {
      const given: unknown[] = [];
      const dryRunLocally: DryRunLocally = async (registration, paths) => {
        given.push(registration, [...paths]);
        return [failed];
      };
      const codes: number[] = [];
      let out = "";
      const io: Io = {
        out: (text) => {
          out += text;
        },
        err: () => {},
        env: { BEAMGATE_HTTP_PORT: String(port) },
        colour: false,
      };
      const command = registerCommand(io, (code) => codes.push(code), dryRunLocally);
      const argv = ["--vendor", "xilinx", "--artifact", artifact, "--dry-run"];
      await command.parseAsync(argv, { from: "user" });
      const digest = digestOf("the bitstream");
      expect(given).toEqual([
        { vendor: "xilinx", file: "net.xclbin", artifact: digest },
        [[digest, artifact]],
      ]);
      expect(codes).toEqual([3]);
      expect(out).toMatch(/^platform +failed +for a U250$/m);
    }
  });

  it("of a gateway that is named and does not answer is an error", async () => {
    const argv = ["model", "register", ...BASE, "--dry-run", "--url", "127.0.0.1:1"];
    expect(await runCli(argv)).toMatchObject({
      exitCode: 4,
      err: expect.stringContaining("no gateway answers at http://127.0.0.1:1"),
    });
  });
});

describe("an upload that is interrupted", { timeout: 120_000 }, () => {
  const bytes = randomBytes(8_000_000);
  const path = file("large.xclbin", bytes);
  const digest = digestOf(bytes);
  const io: Io = { out: () => {}, err: () => {}, env: {}, colour: false };
  const send = (port: number, patienceMs?: number) =>
    upload({ url: new URL(`http://127.0.0.1:${port}`) }, path, {
      what: "artifact",
      progress: new Progress(io),
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
  const parts = (uploads: MemoryUploads) => uploads.parts.get(digest)?.length ?? 0;

  it("by a line that breaks goes on from where it was", async () => {
    const { room, uploads } = fakeRoom();
    const { port } = await serve(room);
    const line = await breakingLine(port, 3_000_000);
    expect(await send(line.port)).toBe(digest);
    expect(line.broken()).toBe(1);
    expect(uploads.blobs.get(digest)?.equals(bytes)).toBe(true);
    // The second connection began where the first had ended.
    expect(line.carriedBytes()).toBeLessThan(bytes.length + 4_000_000);
  });

  it("by a gateway that is killed goes on with the next one", async () => {
    const { room, uploads } = fakeRoom();
    const first = await serve(room);
    const { port } = first;
    uploads.paceMs = 20;
    const sent = send(port);
    await expect.poll(() => parts(uploads), { interval: 1 }).toBeGreaterThan(0);
    await first.stop();
    expect(uploads.blobs.size).toBe(0);
    expect(parts(uploads)).toBeLessThan(bytes.length);
    uploads.paceMs = 0;
    await serve(room, port);
    expect(await sent).toBe(digest);
    expect(uploads.blobs.get(digest)?.equals(bytes)).toBe(true);
  });

  it("gives up after a while without a byte, and says why", async () => {
    const { room } = fakeRoom();
    const gateway = await serve({
      ...room,
      uploads: {
        size: async () => undefined,
        openUpload: async () => ({
          receivedBytes: 0,
          append: async () => {
            throw new StatusError("ABORTED", "somebody else uploads it");
          },
          finish: async () => ({ digest, sizeBytes: 0 }),
        }),
      },
    });
    await expect(send(gateway.port, 300)).rejects.toThrow("somebody else uploads it");
  });
});

/** A line to `port` that breaks once, after `bytes`. */
async function breakingLine(port: number, bytes: number) {
  const { connect } = await import("node:net");
  let carried = 0;
  let broken = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
    }
    near.on("data", (chunk) => {
      carried += chunk.length;
      if (broken === 0 && carried >= bytes) {
        broken += 1;
        near.destroy();
        far.destroy();
      }
    });
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as { port: number }).port,
    broken: () => broken,
    carriedBytes: () => carried,
  };
}

describe("model keys and model sign", () => {
  it("never write over a file, and keep the private key for their owner", async () => {
    const key = join(folder, "mine.pem");
    const made = await runCli(["model", "keys", "new", "--out", key]);
    expect(made.out).toMatch(/^- id: ed25519:[0-9a-f]{16}$/m);
    const { statSync } = await import("node:fs");
    expect(statSync(key).mode & 0o777).toBe(0o600);
    const before = readFileSync(key, "utf8");
    expect(await runCli(["model", "keys", "new", "--out", key])).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("there is a file of that name"),
    });
    expect(readFileSync(key, "utf8")).toBe(before);
    // The same public half, read from the private one; which is not printed.
    const shown = await runCli(["model", "keys", "show", key]);
    expect(shown.out).toBe(made.out);
    expect(shown.out).not.toContain("PRIVATE");
  });

  it("show the keys of the gateway's registries", async () => {
    const { room } = fakeRoom();
    const { port } = await serve(room);
    const argv = ["model", "keys", "show", "--url", `127.0.0.1:${port}`];
    expect((await runCli(argv)).out).toMatch(/^xilinx +ready 1 +- +- +requireSignature false$/m);
  });
});
