import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readOptions } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "beamgate-remote-options-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SECRET = "Bearer do-not-tell";
const servers = ["far:8001"];

describe("the options of remote", () => {
  it("need servers alone", () => {
    expect(readOptions({ servers })).toEqual({
      servers,
      models: ["*"],
      tls: undefined,
      headers: {},
      timeoutMs: 30_000,
      healthMs: 1_000,
      maxInFlight: 2,
      discover: false,
      vendor: undefined,
      platform: undefined,
    });
  });

  it("take a name for several servers, IPv6 addresses, and headers from files", () => {
    expect(readOptions({ servers: "pool.cern.ch:8001" }).servers).toBe("pool.cern.ch:8001");
    expect(readOptions({ servers: ["[::1]:8001"] }).servers).toEqual(["[::1]:8001"]);
    const file = join(folder, "token");
    writeFileSync(file, `${SECRET}\n`);
    const { headers } = readOptions({
      servers,
      headers: { authorization: { file }, "x-site": "T2" },
    });
    expect(headers).toEqual({ authorization: SECRET, "x-site": "T2" });
  });

  it.each<[object | undefined, string]>([
    [undefined, "option options must be an object"],
    [{}, 'option servers must be a list of "host:port"'],
    [{ servers: [] }, "option servers must be a list"],
    [{ servers: ["far"] }, 'option servers[0] must be "host:port" (IPv6: "[::1]:8001"), not "far"'],
    [{ servers: ["a:1", "http://b:2"] }, "option servers[1] must be"],
    [{ servers: ["a:70000"] }, "option servers[0] must be"],
    [{ servers: ["a:1", "a:1"] }, "option servers names a:1 twice"],
    [{ servers, timeout: 5 }, 'option options has no key "timeout"; there are servers, models'],
    [{ servers, timeoutMs: 0 }, "option timeoutMs must be a whole number from 1 to 3600000, not 0"],
    [{ servers, maxInFlight: 1.5 }, "option maxInFlight must be a whole number from 1 to 256"],
    [{ servers, discover: "yes" }, 'option discover must be true or false, not "yes"'],
    [{ servers, models: [] }, "option models must be a list of names"],
    [{ servers, vendor: 7 }, "option vendor must be a text"],
    [{ servers, tls: { ca: "x" } }, 'option tls has no key "ca"; there are rootCert'],
    [
      { servers, tls: { rootCert: "/nowhere.pem" } },
      "tls.rootCert cannot be read from /nowhere.pem: ENOENT",
    ],
    [{ servers, headers: [] }, "option headers must be an object"],
    [
      { servers, headers: { Authorization: SECRET } },
      "option headers.Authorization is no name of a header",
    ],
    [{ servers, headers: { "grpc-timeout": SECRET } }, "headers.grpc-timeout is no name"],
    [{ servers, headers: { authorization: `${SECRET}\n` } }, "headers.authorization has a value"],
    [
      { servers, headers: { authorization: { path: SECRET } } },
      'has no key "path"; there are file',
    ],
    [{ servers, headers: { authorization: 7 } }, "option headers.authorization must be an object"],
  ])("%j: refused, told what they must be", (options, reason) => {
    const read = () => readOptions(options);
    expect(read).toThrow(reason);
    expect(read).not.toThrow(SECRET);
  });

  it("want a certificate and its key together", () => {
    const cert = join(folder, "cert.pem");
    writeFileSync(cert, "PEM");
    expect(() => readOptions({ servers, tls: { cert } })).toThrow("needs cert and key together");
  });
});
