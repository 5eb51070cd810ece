import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { silent } from "../logger.ts";
import { createApp, route } from "./app.ts";
import { groupOf, restrict } from "./restricted.ts";

describe("the group of a URL", () => {
  it.each([
    ["/v2", "metadata"],
    ["/v2/models/:model", "metadata"],
    ["/v2/models/:model/versions/:version", "metadata"],
    ["/v2/health/live", "health"],
    ["/v2/models/:model/ready", "health"],
    ["/v2/models/:model/versions/:version/ready", "health"],
    ["/v2/models/:model/infer", "inference"],
    ["/v2/models/:model/versions/:version/generate_stream", "inference"],
    ["/v2/models/:model/config", "model-config"],
    ["/v2/models/stats", "statistics"],
    ["/v2/models/:model/versions/:version/stats", "statistics"],
    ["/v2/trace/setting", "trace"],
    ["/v2/models/:model/trace/setting", "trace"],
    ["/v2/logging", "logging"],
    ["/v2/repository/index", "model-repository"],
    ["/v2/repository/models/:model/load", "model-repository"],
    ["/v2/beamgate/devices/:device/lease", "model-repository"],
    ["/v2/beamgate/registry", "model-repository"],
    ["/v2/beamgate/registry/models/:name/versions/:version/artifacts", "model-repository"],
    ["/v2/beamgate/uploads/:digest", "model-repository"],
    ["/v2/beamgate/explain/:requestId", "statistics"],
    ["/v2/systemsharedmemory/region/:region/register", "shared-memory"],
    ["/v2/cudasharedmemory/status", "shared-memory"],
    ["/metrics", undefined],
  ])("%s is %s", (url, group) => {
    expect(groupOf(url)).toBe(group);
  });
});

describe("a restricted API", () => {
  const app = createApp({ maxBodyBytes: 10, log: silent });
  beforeAll(() => {
    restrict(app, new Map([["model-repository", { name: "admin", value: "s3cret" }]]));
    route(app, "POST", "/v2/repository/index", () => []);
    route(app, "GET", "/v2/health/live", () => ({}));
  });
  afterAll(() => app.close());

  const ask = (url: string, headers: Record<string, string>, payload = "") =>
    app.inject({ method: "POST", url, headers, payload });

  it("answers with the header and its value", async () => {
    expect((await ask("/v2/repository/index", { Admin: "s3cret" })).statusCode).toBe(200);
  });

  it.each([[{}], [{ admin: "s3cre" }], [{ admin: "s3creT" }], [{ admin: "" }]])(
    "refuses %j with 403 in Triton's words, before it reads a body",
    async (headers) => {
      const answer = await ask("/v2/repository/index", headers, "x".repeat(100));
      expect(answer.statusCode).toBe(403);
      expect(answer.json()).toEqual({
        error: "This API is restricted, expecting header 'admin'",
      });
    },
  );

  it("is not got around by another spelling of its path", async () => {
    for (const url of [
      "/v2/repository/%69ndex",
      "/v2//repository/index",
      "/v2/repository/index/",
    ]) {
      expect([403, 404]).toContain((await ask(url, {})).statusCode);
    }
  });

  it("leaves the others alone", async () => {
    expect((await app.inject("/v2/health/live")).statusCode).toBe(200);
  });
});
