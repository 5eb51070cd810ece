import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Issued, TestAuthority } from "../../../test/support/identity/authority.ts";
import { silent } from "../../logger.ts";
import { watchHandshakes } from "./handshakes.ts";
import { handshakeRules, outOfTime, readTls } from "./tls-files.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-tls-"));
const inFolder = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
let root: TestAuthority;
let server: Issued;
let other: Issued;
let alice: Issued;
beforeAll(() => {
  root = new TestAuthority(folder, "root");
  server = root.server();
  other = root.server();
  alice = root.issue("/CN=alice");
});
afterAll(() => rmSync(folder, { recursive: true }));

const files = (over: Partial<Record<"certPath" | "keyPath" | "rootCertPath", string>> = {}) => ({
  ...{ certPath: server.certPath, keyPath: server.keyPath, rootCertPath: root.certPath },
  ...{ mutual: true, ...over },
});

function encrypted(path: string): string {
  const key = createPrivateKey(readFileSync(path));
  const locked = { cipher: "aes-256-cbc", passphrase: "secret" };
  return key.export({ type: "pkcs8", format: "pem", ...locked }).toString();
}

describe("files of TLS", () => {
  it("that fit are what the port is made of", () => {
    const read = readTls(files(), "grpc.tls");
    expect(read.cert).toEqual(server.cert);
    expect(outOfTime(read, Date.now())).toBeUndefined();
    expect(outOfTime(read, Date.now() + 3 * 86_400_000)).toMatch(/^it has expired on 20\d\d-/);
    expect(outOfTime(read, Date.now() - 86_400_000)).toMatch(/^it is not valid before 20\d\d-/);
  });

  const refusals: readonly [string, () => Parameters<typeof files>[0], RegExp][] = [
    [
      "a file that is not there",
      () => ({ certPath: join(folder, "gone.pem") }),
      /gone\.pem' cannot be read: no such file or directory; name a PEM file .*\(http\.tls\.certPath\)/,
    ],
    ["a folder", () => ({ keyPath: folder }), /cannot be read: .*directory/],
    [
      "the key of another certificate",
      () => ({ keyPath: other.keyPath }),
      /the key '.*' is not that of the certificate '.*'; name the two that were made together/,
    ],
    [
      "key and certificate exchanged",
      () => ({ certPath: server.keyPath, keyPath: server.certPath }),
      /holds no certificate: there is none in it; .*BEGIN CERTIFICATE.*\(http\.tls\.certPath\)/,
    ],
    [
      "a certificate in place of the key",
      () => ({ keyPath: server.certPath }),
      /holds no private key: .*; name a file with the private key in PEM \(http\.tls\.keyPath\)/,
    ],
    [
      "a key with a password",
      () => ({
        keyPath: inFolder("locked.key", encrypted(server.keyPath)),
      }),
      /locked\.key' is encrypted, and nobody can be asked.*openssl pkey/,
    ],
    [
      "a certificate that was cut off",
      () => ({ certPath: inFolder("cut.pem", server.cert.toString().slice(0, 200)) }),
      /cut\.pem' holds no certificate: /,
    ],
    [
      "authorities that are none",
      () => ({ rootCertPath: inFolder("none.pem", "# to be filled\n") }),
      /none\.pem' holds no certificate: .*\(http\.tls\.rootCertPath\)/,
    ],
  ];
  it.each(refusals)(
    "of which one is %s are refused: what, where, what to do",
    (_what, over, text) => {
      expect(() => readTls(files(over()), "http.tls")).toThrow(text);
    },
  );
});

describe("handshakes that come to nothing", () => {
  async function listen(handshakeTimeout: number, now?: () => number) {
    const warn = vi.fn();
    const tls = createServer(
      { ...readTls(files(), "x"), ...handshakeRules(files(), ["h2"]), handshakeTimeout },
      (socket) => socket.end("welcome"),
    );
    watchHandshakes(tls, "gRPC", { ...silent, warn }, now);
    const sockets = new Set<Socket>();
    tls.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
    const { port } = tls.address() as AddressInfo;
    const stop = () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        tls.close(() => resolve());
      });
    return { port, warn, sockets, stop };
  }

  /** What the server says, or nothing. */
  function shake(port: number, user?: Issued): Promise<string> {
    const socket = connectTls({
      ...{ host: "127.0.0.1", port, ca: readFileSync(root.certPath), servername: "localhost" },
      ...{ ALPNProtocols: ["h2"], ...(user && { cert: user.cert, key: user.key }) },
    });
    return new Promise((resolve) => {
      let told = "";
      socket.on("data", (piece: Buffer) => {
        told += piece.toString();
      });
      socket.on("error", () => resolve(told));
      socket.on("close", () => resolve(told));
    });
  }

  it("are told with the reason and who it was, each reason once in a while", async () => {
    let now = 0;
    const { port, warn, stop } = await listen(10_000, () => now);
    const expired = root.issueFor("/CN=old", -3, -1);
    const early = root.issueFor("/CN=young", 1, 2);
    for (const user of [expired, early, undefined, expired, expired]) {
      expect(await shake(port, user)).toBe("");
      expect(await shake(port, alice)).toBe("welcome");
    }
    await expect.poll(() => warn.mock.calls.length).toBe(3);
    const told = warn.mock.calls.map(([text]) => text as string).sort();
    expect(told).toEqual([
      "gRPC: a TLS handshake is refused: the client shows no certificate",
      "gRPC: a TLS handshake is refused: the client's certificate is not accepted: it has expired",
      "gRPC: a TLS handshake is refused: the client's certificate is not accepted: it is not valid yet",
    ]);
    for (const [, fields] of warn.mock.calls) expect(fields).toEqual({ from: "127.0.0.1" });
    now = 10_001;
    await shake(port, expired);
    await expect
      .poll(() => warn.mock.calls.at(-1)?.[0])
      .toMatch(/it has expired, and 2 times more since it was told last$/);
    await stop();
  });

  it("for want of a word from the client end, and their sockets with them", async () => {
    const { port, sockets, stop } = await listen(100);
    const mute = connect(port, "127.0.0.1");
    const closed = new Promise<void>((resolve) => mute.once("close", () => resolve()));
    mute.on("error", () => undefined);
    await closed;
    await expect.poll(() => sockets.size).toBe(0);
    await stop();
  });
});
