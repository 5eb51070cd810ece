import SwaggerParser from "@apidevtools/swagger-parser";
import { describe, expect, it } from "vitest";
import { testServerOptions } from "../../../test/support/http-server.ts";
import { createApp } from "../app.ts";
import { addRoutes } from "../inference-server.ts";
import { openApiDocument } from "./document.ts";

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** `GET /v2/models/{model}`, ... of every route that does more than refuse its method. */
function servedRoutes(): string[] {
  const options = testServerOptions();
  const app = createApp({ maxBodyBytes: 10, log: options.log });
  const served: string[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    const methods = [method].flat();
    // What refuses is registered for all the other methods at once.
    if (methods.includes("OPTIONS")) return;
    const path = url.replaceAll(/:(\w+)(\(.*?\))?/g, "{$1}");
    served.push(...methods.map((each) => `${each} ${path}`));
  });
  addRoutes(app, options, () => false);
  return served;
}

describe("the OpenAPI document", () => {
  it("is valid", async () => {
    const document = structuredClone(openApiDocument("1.2.3"));
    await expect(SwaggerParser.validate(document as never)).resolves.toBeDefined();
  });

  it("has every route that is served, and no other", () => {
    const { paths } = openApiDocument("1.2.3") as Document;
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.toSorted()).toEqual(servedRoutes().toSorted());
  });
});
