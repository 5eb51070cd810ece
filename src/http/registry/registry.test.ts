import { afterEach, describe, expect, it } from "vitest";
import {
  digestOf,
  fakeArtifact,
  fakeModel,
  fakeRoom,
} from "../../../test/support/fake-registry.ts";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { quickestMs } from "../../../test/support/quickest.ts";
import { StatusError } from "../../errors.ts";
import { createHttpServer, type HttpServerOptions } from "../inference-server.ts";
import type { ListedArtifact } from "./listed.ts";
import type { RegistryRoom } from "./room.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function serve(
  room: RegistryRoom | undefined,
  options: Partial<HttpServerOptions> = {},
): Promise<string> {
  const server = createHttpServer({
    ...testServerOptions(),
    maxInputBytes: 1_000_000,
    ...options,
    registry: room,
  });
  await server.start();
  ends.push(() => server.stop());
  return `http://127.0.0.1:${server.port}/v2/beamgate`;
}

async function ask(
  url: string,
  method = "GET",
  body?: object,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const DIGEST = digestOf("artifact");

describe("the list of the registry", () => {
  const variants = ["xilinx", "intel", "cpu"] as const;
  const { room } = fakeRoom({
    snapshot: () => ({
      generation: 42,
      models: [
        {
          generation: 3,
          model: fakeModel("tau", [fakeArtifact({ state: "retired", reason: "old" })]),
        },
        {
          generation: 7,
          model: {
            ...fakeModel(
              "jets",
              variants.map((vendor) => fakeArtifact({ vendor, variant: vendor })),
            ),
            aliases: { production: { version: "1" }, candidate: { version: "1", weight: 0.1 } },
          },
        },
      ],
    }),
  });
  const rows = async (query: string) => {
    const { body } = await ask(`${await serve(room)}/registry${query}`);
    return (body["artifacts"] as { name: string; vendor: string }[]).map(
      ({ name, vendor }) => `${name} ${vendor}`,
    );
  };

  it("has a row an artifact, by name, and the generation", async () => {
    const { body } = await ask(`${await serve(room)}/registry`);
    expect(body).toMatchObject({ generation: 42 });
    expect(body["artifacts"]).toHaveLength(4);
    expect((body["artifacts"] as object[])[0]).toEqual({
      name: "jets",
      version: "1",
      aliases: [{ alias: "production" }, { alias: "candidate", weight: 0.1 }],
      vendor: "cpu",
      variant: "cpu",
      platform: "xilinx_u50_gen3x16_xdma_base_5",
      format: "xclbin",
      numericClass: "ap_fixed-net-1",
      state: "ready",
      digest: DIGEST,
      sizeBytes: 1234,
      registeredAt: "2026-01-02T03:04:05.000Z",
    });
  });

  it.each([
    ["?name=tau", ["tau xilinx"]],
    ["?name=j*s", ["jets cpu", "jets intel", "jets xilinx"]],
    ["?vendor=cpu,intel", ["jets cpu", "jets intel"]],
    ["?state=retired", ["tau xilinx"]],
    ["?vendor=xilinx&state=ready", ["jets xilinx"]],
    ["?name=nothing", []],
  ])("is filtered by %s", async (query, expected) => {
    expect(await rows(query)).toEqual(expected);
  });

  it("takes a state that there is not for a mistake", async () => {
    const { status, body } = await ask(`${await serve(room)}/registry?state=ready,retierd`);
    expect(status).toBe(400);
    expect(body["error"]).toMatch(/^'state': expected some of uploaded, .* refused, served$/);
  });

  it("refuses a filter that it does not know", async () => {
    expect(await ask(`${await serve(room)}/registry?vendors=cpu`)).toEqual({
      status: 400,
      body: {
        code: "INVALID_ARGUMENT",
        error: "'?vendors=' means nothing here; there are: name, vendor, state",
      },
    });
  });

  it("has what serves from folders, too", async () => {
    const served: ListedArtifact = {
      ...{ name: "simple", version: "1", vendor: "cpu", variant: "", platform: "any" },
      ...{ format: "onnx", numericClass: "float32", state: "served" },
    };
    const url = await serve({ ...room, unregistered: () => [served] });
    const { body } = await ask(`${url}/registry?state=served`);
    expect(body["artifacts"]).toEqual([served]);
  });

  it("of ten thousand artifacts takes milliseconds", async () => {
    const models = Array.from({ length: 10_000 }, (_, at) => ({
      generation: 1,
      model: fakeModel(`model-${at}`, [fakeArtifact({ facts: { text: "x".repeat(10_000) } })]),
    }));
    const url = await serve(fakeRoom({ snapshot: () => ({ generation: 1, models }) }).room);
    const ms = await quickestMs(3000, async () => {
      const { body } = await ask(`${url}/registry`);
      expect(body["artifacts"]).toHaveLength(10_000);
      expect(JSON.stringify(body).length).toBeLessThan(5_000_000);
    });
    // Tens of ms on a quiet machine.
    expect(ms).toBeLessThan(3000);
  });
});

describe("one model", () => {
  it("is told whole, with its generation as the ETag", async () => {
    const { room, models } = fakeRoom();
    const response = await fetch(`${await serve(room)}/registry/models/jets`);
    expect(response.headers.get("etag")).toBe('"7"');
    expect(await response.json()).toEqual(models[0]);
  });

  it("that is not there is 404", async () => {
    const { room } = fakeRoom();
    expect(await ask(`${await serve(room)}/registry/models/taus`)).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND", error: expect.stringContaining("no model 'taus'") },
    });
  });
});

describe("verdicts, vendors and the audit log", () => {
  it("are asked of the registry", async () => {
    const { room, asked } = fakeRoom();
    const url = `${await serve(room)}/registry`;
    expect((await ask(`${url}/verdicts/${DIGEST}`)).body).toMatchObject({
      verdict: { rows: 1024 },
    });
    expect((await ask(`${url}/audit?limit=5&model=jets`)).body).toEqual([]);
    expect(asked).toEqual([
      ["verdict", DIGEST],
      ["audit", 5],
    ]);
    expect((await ask(`${url}/vendors`)).body).toEqual([
      {
        vendor: "xilinx",
        trusted: [],
        rules: { requireSignature: false },
        artifacts: { ready: 1 },
        bytes: 1234,
      },
    ]);
  });

  it.each(["0", "10001", "1.5", "x"])("a limit of %s is refused", async (limit) => {
    const { room } = fakeRoom();
    const { status } = await ask(`${await serve(room)}/registry/audit?limit=${limit}`);
    expect(status).toBe(400);
  });
});

const REGISTRATION = { vendor: "xilinx", artifact: DIGEST, file: "net.xclbin" };
const ARTIFACTS = "registry/models/jets/versions/2/artifacts";

describe("a registration", () => {
  it("is handed over whole, with who sent it and from where", async () => {
    const { room, asked } = fakeRoom();
    const more = {
      manifest: { manifest: 1 },
      config: "max_batch_size: 8",
      golden: { inputs: digestOf("in"), outputs: digestOf("out") },
      equivalence: {
        class: { kind: "ulp", max: 4 },
        outputs: { y: { kind: "abs-rel", abs: 0.1, rel: 0 } },
      },
      signature: { keyId: "k", value: "AAAA" },
      files: { "labels.txt": digestOf("labels") },
      reference: true,
      promote: "candidate",
      validateOnly: false,
    };
    const sent = { ...REGISTRATION, ...more, generation: 6 };
    const url = `${await serve(room)}/${ARTIFACTS}`;
    const { status, body } = await ask(url, "POST", { ...sent, who: "ci" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ generation: 8, unchanged: false });
    expect(asked).toEqual([
      ["register", { ...sent, name: "jets", version: "2" }, "unverified:ci@127.0.0.1"],
    ]);
  });

  it.each([
    [{ ...REGISTRATION, vendor: "amd" }, "'vendor': expected one of xilinx"],
    [{ ...REGISTRATION, artifact: "sha256:../../etc" }, "'artifact': expected sha256:<64"],
    [{ ...REGISTRATION, artifact: undefined }, "'artifact' is missing"],
    [{ ...REGISTRATION, file: "../net.xclbin" }, "'file': expected the name of a file"],
    [{ ...REGISTRATION, files: { "../x": DIGEST } }, "'files.../x': expected the name"],
    [{ ...REGISTRATION, files: { x: "y" } }, "'files.x': expected sha256"],
    [{ ...REGISTRATION, validateonly: true }, "'validateonly' means nothing here"],
    [{ ...REGISTRATION, version: "3" }, "'version': expected what the address says (2)"],
    [{ ...REGISTRATION, generation: -1 }, "'generation': expected a generation"],
    [
      { ...REGISTRATION, equivalence: { class: { kind: "same" } } },
      "'class.kind': expected one of",
    ],
    [
      { ...REGISTRATION, equivalence: { class: { kind: "ulp", max: "4" } } },
      "'max': expected a number",
    ],
    [
      { ...REGISTRATION, equivalence: { class: { kind: "ulp", max: 4, abs: 1 } } },
      "'class.abs' means nothing here",
    ],
    [{ ...REGISTRATION, who: "a\nb" }, "'who': expected a name"],
  ])("that is wrong is refused by name: %j", async (sent, reason) => {
    const { room, asked } = fakeRoom();
    const { status, body } = await ask(`${await serve(room)}/${ARTIFACTS}`, "POST", sent);
    expect([status, body["code"]]).toEqual([400, "INVALID_ARGUMENT"]);
    expect(body["error"]).toContain(reason);
    expect(asked).toEqual([]);
  });

  it("is refused where its JSON is none", async () => {
    const url = `${await serve(fakeRoom().room)}/${ARTIFACTS}`;
    for (const body of ["{", "[]", '"x"']) {
      const response = await fetch(url, { method: "POST", body });
      expect(response.status).toBe(400);
    }
  });

  it("of a name with a slash in it reaches that model", async () => {
    const { room, asked } = fakeRoom();
    const path = `registry/models/${encodeURIComponent("cms/jets ü")}/versions/1/artifacts`;
    await ask(`${await serve(room)}/${path}`, "POST", REGISTRATION);
    expect(asked[0]?.[1]).toMatchObject({ name: "cms/jets ü", version: "1" });
  });

  it("that is refused tells every check, and the status of the error", async () => {
    const check = { check: "platform", outcome: "failed", reason: "other shell" } as const;
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        tell({ step: "check", check });
        throw new StatusError("INVALID_ARGUMENT", "platform: other shell");
      },
    });
    expect(await ask(`${await serve(room)}/${ARTIFACTS}`, "POST", REGISTRATION)).toEqual({
      status: 400,
      body: { error: "platform: other shell", code: "INVALID_ARGUMENT", checks: [check] },
    });
  });

  it("tells nothing of an error that nobody foresaw", async () => {
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        tell({ step: "publish" });
        throw new Error("secret /path");
      },
    });
    const url = `${await serve(room)}/${ARTIFACTS}`;
    for (const accept of ["*/*", "application/x-ndjson"]) {
      const body = JSON.stringify(REGISTRATION);
      const response = await fetch(url, { method: "POST", body, headers: { accept } });
      expect(await response.text()).not.toContain("secret");
    }
  });

  it("ends when its client hangs up", async () => {
    let ended = () => {};
    const aborted = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const { room } = fakeRoom({
      register: (_registration, _who, tell, signal) => {
        tell({ step: "gate", doneRows: 0, rows: 10 });
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            ended();
            reject(new StatusError("CANCELLED", "gone"));
          });
        });
      },
    });
    const hangUp = new AbortController();
    const response = await fetch(`${await serve(room)}/${ARTIFACTS}`, {
      method: "POST",
      body: JSON.stringify(REGISTRATION),
      headers: { accept: "application/x-ndjson" },
      signal: hangUp.signal,
    });
    await response.body?.getReader().read();
    hangUp.abort();
    await aborted;
  });
});

describe("a registration whose client reads lines", () => {
  const lines = async (url: string) => {
    const response = await fetch(url, {
      method: "POST",
      body: JSON.stringify(REGISTRATION),
      headers: { accept: "application/x-ndjson" },
    });
    const text = await response.text();
    return {
      status: response.status,
      lines: text
        .trim()
        .split("\n")
        .map((l) => JSON.parse(l)),
    };
  };

  it("is told every step, then the result", async () => {
    const check = { check: "container", outcome: "passed", reason: "fine" } as const;
    const report = {
      ...{ generation: 8, unchanged: false, checks: [check] },
      artifact: fakeArtifact(),
    };
    const { room } = fakeRoom({
      register: async (_registration, _who, tell) => {
        tell({ step: "check", check });
        tell({ step: "gate", doneRows: 5, rows: 10 });
        return report;
      },
    });
    expect(await lines(`${await serve(room)}/${ARTIFACTS}`)).toEqual({
      status: 200,
      lines: [
        { event: { step: "check", check } },
        { event: { step: "gate", doneRows: 5, rows: 10 } },
        { result: report },
      ],
    });
  });

  it("is told an error in the last line, or by the status where nothing was told before", async () => {
    const { room } = fakeRoom({
      register: async ({ version }, _who, tell) => {
        if (version === "2") tell({ step: "publish" });
        throw new StatusError("ABORTED", "somebody was first");
      },
    });
    const url = await serve(room);
    const error = { error: "somebody was first", code: "ABORTED", generation: 7 };
    expect(await lines(`${url}/${ARTIFACTS}`)).toEqual({
      status: 200,
      lines: [{ event: { step: "publish" } }, error],
    });
    const early = `${url}/registry/models/jets/versions/3/artifacts`;
    expect(await lines(early)).toEqual({ status: 409, lines: [error] });
  });
});

describe("a dry run", () => {
  it("takes what there is and keeps nothing", async () => {
    const { room, asked } = fakeRoom();
    const url = await serve(room);
    const partial = { vendor: "xilinx", artifact: DIGEST };
    const { body } = await ask(`${url}/registry/dry-run`, "POST", partial);
    expect(body).toEqual({ checks: fakeArtifact().checks });
    await ask(`${url}/${ARTIFACTS}?dry_run=true`, "POST", partial);
    expect(asked).toEqual([
      ["dryRun", partial, "unverified:127.0.0.1"],
      ["dryRun", { ...partial, name: "jets", version: "2" }, "unverified:127.0.0.1"],
    ]);
  });
});

describe("a change", () => {
  const who = "unverified:me@127.0.0.1";
  it.each([
    ["promote", { version: "2" }, ["promote", "jets", { alias: "production", version: "2" }, who]],
    [
      "promote",
      { version: "2", alias: "candidate", weight: 0.1, shadowShare: 0.5 },
      [
        ...["promote", "jets"],
        { alias: "candidate", version: "2", weight: 0.1, shadowShare: 0.5 },
        who,
      ],
    ],
    ["rollback", {}, ["rollback", "jets", { alias: "production" }, who]],
    [
      "pin",
      { version: "1", vendor: "xilinx", note: "for the run" },
      ["pin", { name: "jets", version: "1", vendor: "xilinx" }, { note: "for the run" }, who],
    ],
    ["unpin", { digest: DIGEST }, ["pin", { name: "jets", digest: DIGEST }, undefined, who]],
    [
      "retire",
      { version: "1", reason: "old" },
      ["retire", { name: "jets", version: "1" }, "old", who],
    ],
    ["verify", { version: "1" }, ["verify", { name: "jets", version: "1" }, who]],
  ])("%s of %j is handed over", async (action, sent, expected) => {
    const { room, asked } = fakeRoom();
    const url = `${await serve(room)}/registry/models/jets/${action}`;
    expect((await ask(url, "POST", { ...sent, who: "me" })).status).toBe(200);
    expect(asked).toEqual([expected]);
  });

  it("by DELETE removes a model, a version, or an alias", async () => {
    const { room, asked } = fakeRoom();
    const url = `${await serve(room)}/registry/models/jets`;
    expect((await ask(url, "DELETE")).body).toEqual({ generation: 9 });
    await ask(url, "DELETE", { version: "1", who: "me" });
    await ask(`${url}/aliases/candidate`, "DELETE");
    expect(asked).toEqual([
      ["remove", { name: "jets" }, "unverified:127.0.0.1"],
      ["remove", { name: "jets", version: "1" }, who],
      ["dropAlias", "jets", { alias: "candidate" }, "unverified:127.0.0.1"],
    ]);
  });

  it("says its generation by If-Match or in the body, which have to agree", async () => {
    const { room, asked } = fakeRoom();
    const url = `${await serve(room)}/registry/models/jets/retire`;
    await ask(url, "POST", {}, { "if-match": '"6"' });
    await ask(url, "POST", { generation: 5 }, { "if-match": "5" });
    await ask(url, "POST", { generation: 4 }, { "if-match": "*" });
    expect(asked.map(([, named]) => named)).toEqual([
      { name: "jets", generation: 6 },
      { name: "jets", generation: 5 },
      { name: "jets", generation: 4 },
    ]);
    for (const [sent, match] of [
      [{ generation: 5 }, "6"],
      [{}, '"abc"'],
    ] as const) {
      expect((await ask(url, "POST", sent, { "if-match": match })).status).toBe(400);
    }
  });

  it("that somebody else was faster with is 409 with the generation that is there", async () => {
    const { room } = fakeRoom({
      promote: async () => {
        throw new StatusError("ABORTED", "generation 7 is there");
      },
    });
    const url = `${await serve(room)}/registry/models/jets/promote`;
    expect(await ask(url, "POST", { version: "2", generation: 6 })).toEqual({
      status: 409,
      body: { error: "generation 7 is there", code: "ABORTED", generation: 7 },
    });
  });

  it.each([
    ["promote", {}, "'version' is missing"],
    ["promote", { version: 2 }, "'version': expected a version in decimal"],
    ["promote", { version: "2", weight: 2 }, "'weight': expected a number from 0 to 1"],
    ["promote", { version: "2", digest: DIGEST }, "'digest' means nothing here"],
    ["retire", { version: "01" }, "'version': expected"],
    ["pin", { note: "a\u001b[2J" }, "'note': expected one line"],
  ])("%s of %j is refused", async (action, sent, reason) => {
    const { room, asked } = fakeRoom();
    const url = `${await serve(room)}/registry/models/jets/${action}`;
    const { status, body } = await ask(url, "POST", sent);
    expect(status).toBe(400);
    expect(body["error"]).toContain(reason);
    expect(asked).toEqual([]);
  });
});

describe("a gateway without a registry", () => {
  it("says how to get one, and refuses methods as everywhere", async () => {
    const url = await serve(undefined);
    for (const [path, method] of [
      ["registry", "GET"],
      [ARTIFACTS, "POST"],
      [`uploads/${DIGEST}`, "GET"],
      [`uploads/${DIGEST}`, "PATCH"],
    ] as const) {
      const body = method === "GET" ? undefined : REGISTRATION;
      const answer = await ask(`${url}/${path}`, method, body, { "upload-offset": "0" });
      expect(answer).toMatchObject({
        status: 501,
        body: { error: expect.stringContaining("BEAMGATE_REGISTRY_FOLDER") },
      });
    }
    const response = await fetch(`${url}/registry`, { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  });
});

describe("the group model-repository, where it is restricted", () => {
  it("covers the registry and uploads", async () => {
    const { room, asked, uploads } = fakeRoom();
    const url = await serve(room, {
      restrictions: new Map([["model-repository", { name: "key", value: "secret" }]]),
    });
    for (const [path, method] of [
      ["registry", "GET"],
      ["registry/models/jets", "DELETE"],
      [ARTIFACTS, "POST"],
      [`uploads/${DIGEST}`, "PATCH"],
    ] as const) {
      const sent = method === "GET" ? undefined : REGISTRATION;
      const headers = { "upload-offset": "0" };
      expect((await ask(`${url}/${path}`, method, sent, headers)).status).toBe(403);
    }
    expect(asked).toEqual([]);
    expect(uploads.parts.size).toBe(0);
    expect((await ask(`${url}/registry`, "GET", undefined, { key: "secret" })).status).toBe(200);
  });
});

describe("an explanation", () => {
  it("is what is known of a request, or 404 with the reason", async () => {
    const explain = (id: string) => (id === "a/b" ? { device: "u50-0" } : undefined);
    const url = await serve(undefined, { explain });
    expect(await ask(`${url}/explain/${encodeURIComponent("a/b")}`)).toEqual({
      status: 200,
      body: { device: "u50-0" },
    });
    expect(await ask(`${url}/explain/other`)).toMatchObject({
      status: 404,
      body: { error: expect.stringContaining("provenance.explainShare") },
    });
  });
});
