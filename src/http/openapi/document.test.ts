import SwaggerParser from "@apidevtools/swagger-parser";
import { describe, expect, it } from "vitest";
import { HTTP_ACCESS } from "../../tenants/access-table.ts";
import { openApiDocument } from "./document.ts";

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

/** A route of the HTTP port without a row in this table fails the start. */
const ROUTES = Object.keys(HTTP_ACCESS)
  .filter((row) => row !== "GET /metrics") // of the other port
  .map((row) => row.replace("*", "{file}").replaceAll(/:(\w+)(\(.*?\))?/g, "{$1}"));

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
    expect(described.toSorted()).toEqual(ROUTES.toSorted());
  });
});
