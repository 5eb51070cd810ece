/** The client against servers that answer anything, and against TLS. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { makeCertificates } from "../../test/wire/transport-certificates.ts";
import { FarServer } from "./far-server.ts";
import { PREFIX_BYTES } from "./grpc/unary-call.ts";
import type { TlsOptions } from "./options.ts";

const TOKEN = "do-not-tell-anybody";
const signal = new AbortController().signal;
const certificates = makeCertificates();
afterAll(() => certificates?.remove());

const servers: { readonly server: Http2Server; readonly sessions: Set<ServerHttp2Session> }[] = [];
const clients: FarServer[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const { server, sessions } of servers.splice(0)) {
    for (const session of sessions) session.destroy();
    server.close();
    await once(server, "close");
  }
});

type Handler = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void;

async function listening(server: Http2Server, handler: Handler) {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    handler(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push({ server, sessions });
  const { port } = server.address() as { port: number };
  return { address: `127.0.0.1:${port}`, sessions };
}

function client(address: string, timeoutMs = 20_000, tls?: TlsOptions, name?: string): FarServer {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const made = new FarServer({ address, tls, headers, timeoutMs, ...(name ? { name } : {}) });
  clients.push(made);
  return made;
}

const message = (content = "question") =>
  Buffer.concat([Buffer.alloc(PREFIX_BYTES), Buffer.from(content)]);

function framed(content: string, flag = 0): Buffer {
  const frame = message(content);
  frame[0] = flag;
  frame.writeUInt32BE(content.length, 1);
  return frame;
}

const answering =
  (...pieces: readonly Uint8Array[]): Handler =>
  (stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    for (const piece of pieces) stream.write(piece);
    stream.end();
  };
const failing =
  (status: string, text: string): Handler =>
  (stream) => {
    const headers = { ":status": 200, "grpc-status": status, "grpc-message": text };
    stream.respond(headers, { endStream: true });
  };

async function answerOf(handler: Handler, timeoutMs?: number): Promise<string> {
  const { address } = await listening(createServer(), handler);
  return (await client(address, timeoutMs).infer(message(), signal)).toString();
}

describe("a call", () => {
  it("carries the message, the headers and the time it has", async () => {
    const seen: unknown[] = [];
    const { address } = await listening(createServer(), (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        seen.push(headers, Buffer.concat(chunks).toString("latin1"));
        answering(framed("answer"))(stream, headers);
      });
    });
    const answer = await client(address, 1_234).infer(message(), signal);
    expect(answer.toString()).toBe("answer");
    expect(seen[0]).toMatchObject({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelInfer",
      ":authority": address,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": "1234m",
      authorization: `Bearer ${TOKEN}`,
    });
    expect(seen[1]).toBe("\0\0\0\0\x08question");
  });

  it("puts an answer together that comes in pieces", async () => {
    const frame = framed("answer");
    const pieces = [frame.subarray(0, 3), frame.subarray(3, 8), frame.subarray(8)];
    expect(await answerOf(answering(...pieces))).toBe("answer");
  });

  it("is given up when nobody waits for it any more", async () => {
    const { address } = await listening(createServer(), () => {});
    const gone = new AbortController();
    const call = client(address).infer(message(), gone.signal);
    setTimeout(() => gone.abort(), 50);
    await expect(call).rejects.toMatchObject({ fault: "internal" });
  });
});

describe("what a failure means", () => {
  it.each([
    ["3", "input"],
    ["11", "input"],
    ["8", "exhausted"],
    ["14", "device"],
    ["4", "device"],
    ["5", "device"],
    ["7", "device"],
    ["16", "device"],
    ["10", "device"],
    ["13", "internal"],
    ["2", "internal"],
    ["12", "internal"],
    ["99", "internal"],
    ["x", "internal"],
  ])("grpc-status %s: %s", async (status, fault) => {
    await expect(answerOf(failing(status, "as it is"))).rejects.toMatchObject({ fault });
  });

  it("a full queue is not a server that is away", async () => {
    const call = answerOf(failing("14", "Exceeds maximum queue size"));
    await expect(call).rejects.toMatchObject({ fault: "exhausted" });
  });

  it("names the server and the status, and decodes the text", async () => {
    const call = answerOf(failing("13", "CUDA%20error%3A \u00b5".replace("\u00b5", "%C2%B5")));
    await expect(call).rejects.toThrow(/^server 127\.0\.0\.1:\d+: INTERNAL: CUDA error: µ$/);
  });

  it("never repeats a secret, though the server does", async () => {
    const call = answerOf(failing("16", `token ${TOKEN} of Bearer ${TOKEN} is expired`));
    await expect(call).rejects.toThrow(
      "UNAUTHENTICATED: token (redacted) of (redacted) is expired",
    );
  });

  it.each<[string, Handler, string, string]>([
    [
      "nothing but HTTP's 502",
      (s) => s.respond({ ":status": 502 }, { endStream: true }),
      "device",
      "502",
    ],
    ["HTTP's 401", (s) => s.respond({ ":status": 401 }, { endStream: true }), "device", "401"],
    [
      "a page",
      (s) => {
        s.respond({ ":status": 200 });
        s.end("<html>");
      },
      "device",
      "ended before",
    ],
    ["a reset", (s) => s.close(2), "internal", "code"],
    ["a refusal of the stream", (s) => s.close(7), "device", "code"],
    ["the end of the connection", (s) => s.session?.destroy(), "device", "UNAVAILABLE"],
    [
      "a message that is cut off",
      answering(framed("answer").subarray(0, 9)),
      "internal",
      "cut off",
    ],
    ["half a prefix", answering(Buffer.alloc(3)), "internal", "cut off"],
    ["more than it announced", answering(framed("a"), framed("b")), "internal", "too long"],
    ["a compressed message", answering(framed("answer", 1)), "internal", "compressed"],
    ["no message", answering(), "internal", "cut off"],
  ])("%s", async (_, handler, fault, reason) => {
    await expect(answerOf(handler)).rejects.toMatchObject({
      fault,
      message: expect.stringContaining(reason),
    });
  });

  it("nobody there: the device is gone", async () => {
    const call = client("127.0.0.1:1").infer(message(), signal);
    await expect(call).rejects.toMatchObject({ fault: "device" });
  });
});

describe("a server that stops answering", () => {
  it("is given up after the time it had, and found again on another connection", async () => {
    let silent = true;
    const { address, sessions } = await listening(createServer(), (stream, headers) => {
      if (!silent) answering(framed("answer"))(stream, headers);
    });
    const far = client(address, 1_000);
    await expect(far.infer(message(), signal)).rejects.toMatchObject({
      fault: "device",
      message: expect.stringContaining("DEADLINE_EXCEEDED: no answer within 1000 ms"),
    });
    silent = false;
    expect((await far.infer(message(), signal)).toString()).toBe("answer");
    expect(sessions.size).toBe(2);
  });

  it("keeps its connection where other calls are answered", async () => {
    const { address, sessions } = await listening(createServer(), (stream, headers) => {
      if (headers[":path"] !== "/inference.GRPCInferenceService/ModelInfer") {
        answering(framed(""))(stream, headers);
      }
    });
    const far = client(address, 1_500);
    const slow = far.infer(message(), signal);
    const asking = setInterval(() => void far.identity(20_000).catch(() => {}), 30);
    await expect(slow).rejects.toMatchObject({ fault: "device" });
    clearInterval(asking);
    await far.identity(20_000);
    expect(sessions.size).toBe(1);
  });

  it("sends calls elsewhere once it said goodbye", async () => {
    const { address, sessions } = await listening(createServer(), answering(framed("answer")));
    const far = client(address);
    await far.infer(message(), signal);
    const [first] = sessions;
    if (first === undefined) throw new Error("no session");
    first.goaway(0);
    await expect
      .poll(async () => {
        expect((await far.infer(message(), signal)).toString()).toBe("answer");
        return sessions.size;
      })
      .toBe(2);
  });
});

describe.skipIf(certificates === undefined)("TLS", () => {
  const tls = (more: Partial<TlsOptions>): TlsOptions => ({
    rootCert: undefined,
    cert: undefined,
    key: undefined,
    serverName: undefined,
    ...more,
  });
  const files = () => {
    if (certificates === undefined) throw new Error("no certificates");
    return certificates;
  };

  async function secure(mutual: boolean) {
    const { serverCertPath, serverKeyPath, root } = files();
    const server = createSecureServer({
      cert: readFileSync(serverCertPath),
      key: readFileSync(serverKeyPath),
      ...(mutual ? { ca: root, requestCert: true, rejectUnauthorized: true } : {}),
    });
    return (await listening(server, answering(framed("answer")))).address;
  }

  it("reaches a server whose authority it knows", async () => {
    const far = client(await secure(false), 5_000, tls({ rootCert: files().root }));
    expect((await far.infer(message(), signal)).toString()).toBe("answer");
  });

  it("checks the name that the address was found under", async () => {
    const address = await secure(false);
    const right = client(address, 5_000, tls({ rootCert: files().root }), "localhost");
    expect((await right.infer(message(), signal)).toString()).toBe("answer");
    const wrong = client(address, 5_000, tls({ rootCert: files().root }), "elsewhere.cern.ch");
    await expect(wrong.infer(message(), signal)).rejects.toMatchObject({
      fault: "device",
      message: expect.stringMatching(/altnames|Hostname/i),
    });
  });

  it("refuses a server whose authority it does not know", async () => {
    const far = client(await secure(false), 5_000, tls({}));
    await expect(far.infer(message(), signal)).rejects.toMatchObject({ fault: "device" });
  });

  it("shows a certificate of its own where it is asked for one", async () => {
    const address = await secure(true);
    const { root, clientCert: cert, clientKey: key } = files();
    const known = client(address, 5_000, tls({ rootCert: root, cert, key }));
    expect((await known.infer(message(), signal)).toString()).toBe("answer");
    const unknown = client(address, 5_000, tls({ rootCert: root }));
    await expect(unknown.infer(message(), signal)).rejects.toMatchObject({ fault: "device" });
  });
});
