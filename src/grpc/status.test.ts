import { describe, expect, it } from "vitest";
import { StatusError } from "../errors.ts";
import { fromWireStatus, toWireStatus } from "./status.ts";

describe("an error of a handler, as a status", () => {
  it.each([
    ["a StatusError", new StatusError("NOT_FOUND", "no model"), 5, "no model"],
    ["grpc-js' form", { code: 9, details: "not now" }, 9, "not now"],
    ["an Error with a code", Object.assign(new Error("text"), { code: 7 }), 7, "text"],
    ["an Error of Node", Object.assign(new Error("gone"), { code: "ENOENT" }), 2, "gone"],
    ["a code that is none", { code: 99, details: "odd" }, 2, "odd"],
    ["OK, which is no error", { code: 0, details: "fine" }, 2, "fine"],
    ["a string", "thrown", 2, "thrown"],
    ["nothing", undefined, 2, "undefined"],
  ])("%s", (_name, thrown, code, details) => {
    expect(toWireStatus(thrown)).toEqual({ code, details });
  });

  it("comes back as the error it was", () => {
    expect(fromWireStatus(8, "full")).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      message: "full",
    });
    expect(fromWireStatus(99, "odd").code).toBe("UNKNOWN");
  });
});
