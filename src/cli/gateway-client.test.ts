import { createServer, type RequestListener } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { runCli } from "../../test/support/run-cli.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** @returns its address, for BEAMGATE_URL */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

const answering = (status: number, body: string, type = "application/json") =>
  serve((_request, response) => {
    response.writeHead(status, { "content-type": type });
    response.end(body);
  });

const ls = (url: string, env: NodeJS.ProcessEnv = {}) =>
  runCli(["model", "ls"], { ...env, BEAMGATE_URL: url });

describe("a gateway that answers what it should not", () => {
  it.each([
    ["nothing", 200, "", 4],
    ["no JSON", 200, "<html>", 4],
    ["null", 200, "null", 4],
    ["a page of somebody else", 404, "<html>not here</html>", 4],
    ["an error without words", 500, "{}", 4],
    [
      "rows that are none",
      200,
      '{"artifacts": [null, 1, {"name": 1}, {"name": "x"}, {"name": "x", "version": "1", "vendor": 7}]}',
      0,
    ],
    ["a list that is none", 200, '{"artifacts": "x"}', 0],
  ])("by %s is told in one line, without a stack trace", async (_what, status, body, exitCode) => {
    const run = await ls(await answering(status, body));
    expect(run.exitCode).toBe(exitCode);
    expect(run.err.split("\n").length).toBeLessThanOrEqual(2);
    expect(run.err + run.out).not.toContain("    at ");
  });

  it("by texts that steer a terminal shows them", async () => {
    const evil = "a\u001b]0;owned\u0007\nb\u009b2J";
    const error = await ls(await answering(400, JSON.stringify({ error: evil })));
    expect(error.exitCode).toBe(3);
    expect(error.err).toBe("error: a\\u001b]0;owned\\u0007\\u000ab\\u009b2J\n");

    const row = { name: evil, version: evil, state: evil, aliases: [{ alias: evil }] };
    const url = await answering(200, JSON.stringify({ artifacts: [row] }));
    for (const output of ["table", "json", "yaml"]) {
      const { out } = await runCli(["model", "ls", "-o", output], { BEAMGATE_URL: url });
      expect(out).toContain("owned");
      expect(out.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    }
  });

  it("by hanging up is exit code 4", async () => {
    const early = await serve((request) => request.socket.destroy());
    expect(await ls(early)).toMatchObject({
      exitCode: 4,
      err: expect.stringContaining("hung up before it had answered"),
    });
    const late = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
    });
    expect((await ls(late)).exitCode).toBe(4);
  });

  it("in the middle of its lines is exit code 4, too", async () => {
    for (const last of ['{"event"', ""]) {
      const url = await serve((_request, response) => {
        response.writeHead(200, { "content-type": "application/x-ndjson" });
        response.write(`{"alive":true}\n\n${last}`, () => response.destroy());
      });
      const run = await runCli(["model", "verify", "jets"], { BEAMGATE_URL: url });
      expect(run.exitCode).toBe(4);
    }
  });

  it("that is no HTTP server at all is exit code 4", async () => {
    const server = createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH_9.6\r\n"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ends.push(() => server.close());
    const run = await ls(`127.0.0.1:${(server.address() as { port: number }).port}`);
    expect(run.exitCode).toBe(4);
    expect(run.err).not.toContain("    at ");
  });
});

describe("the address of a gateway", () => {
  const told = async (...argv: string[]) => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(`${request.url}`);
      response.end('{"artifacts": []}');
    });
    return { asked, url, port: url.split(":")[1] ?? "", argv };
  };

  it("is --url, before BEAMGATE_URL, before the configuration", async () => {
    const [flag, variable] = [await told(), await told()];
    await runCli(["model", "ls", "--url", flag.url], { BEAMGATE_URL: variable.url });
    await runCli(["model", "ls"], { BEAMGATE_URL: variable.url, BEAMGATE_HTTP_PORT: "1" });
    await runCli(["model", "ls"], { BEAMGATE_HTTP_PORT: flag.port });
    expect([flag.asked.length, variable.asked.length]).toEqual([2, 1]);
  });

  it("may have a path of its own, behind a proxy", async () => {
    const { asked, url } = await told();
    await runCli(["model", "ls", "--url", `http://${url}/gateway/`]);
    expect(asked[0]).toMatch(/^\/gateway\/v2\/beamgate\/registry\?/);
  });

  it("without any configuration is the one that the schema says", async () => {
    const { configSchema } = await import("../config/schema.ts");
    const { http } = configSchema.parse({});
    const { gatewayAddress } = await import("./gateway-address.ts");
    const io = { out: () => {}, err: () => {}, env: {}, colour: false };
    const { url } = await gatewayAddress({}, io);
    expect(url.host).toBe(`${http.address}:${http.port}`);
  });

  it.each(["ftp://x", "http://", "a b"])("%j is refused", async (url) => {
    expect(await ls(url)).toMatchObject({
      exitCode: 2,
      err: expect.stringContaining("is no address of a gateway"),
    });
  });
});

describe("the token of whoever asks", () => {
  it("goes along where nobody else can read it", async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{"artifacts": []}');
    });
    await ls(url, { BEARER_TOKEN: "abc.def" });
    await runCli(["model", "ls", "--token", "said"], { BEAMGATE_URL: url, BEARER_TOKEN: "found" });
    expect(seen).toEqual(["Bearer abc.def", "Bearer said"]);
  });

  it("that was found stays here where the line is open, with a warning", async () => {
    const { gatewayAddress } = await import("./gateway-address.ts");
    let err = "";
    const io = {
      out: () => {},
      err: (text: string) => {
        err += text;
      },
      env: { BEARER_TOKEN: "abc" },
      colour: false,
    };
    const at = async (url: string, token?: string) =>
      (await gatewayAddress({ url, ...(token === undefined ? {} : { token }) }, io)).token;
    expect(await at("https://gateway.cern.ch")).toBe("abc");
    expect(await at("http://[::1]:8000")).toBe("abc");
    expect(err).toBe("");
    expect(await at("http://gateway.cern.ch:8000")).toBeUndefined();
    expect(err).toContain("the token of BEARER_TOKEN is not sent to gateway.cern.ch:8000");
    expect(await at("http://gateway.cern.ch:8000", "said")).toBe("said");
  });
});
