import { describe, expect, it } from "vitest";
import { StatusError } from "../../errors.ts";
import type { Parameter } from "../../inference/request.ts";
import { parseWish } from "./wish.ts";

const said = (key: string, value: Parameter) => new Map([[key, value]]);

describe("what a client asks for", () => {
  it("is nothing without parameters, or with others", () => {
    expect(parseWish(undefined)).toBeUndefined();
    expect(parseWish(undefined, {})).toBeUndefined();
    expect(parseWish(said("run", { type: "int64", value: 7 }))).toBeUndefined();
  });

  it("is read from the request's parameters", () => {
    const parameters = new Map<string, Parameter>([
      ["beamgate_vendor", { type: "string", value: "xilinx" }],
      ["beamgate_platform", { type: "string", value: "xilinx_u50" }],
      ["beamgate_class", { type: "string", value: "ap_fixed<16,6>" }],
      ["beamgate_variant", { type: "string", value: "u50-4cu" }],
    ]);
    expect(parseWish(parameters)).toEqual({
      vendor: "xilinx",
      platform: "xilinx_u50",
      numericClass: "ap_fixed<16,6>",
      variant: "u50-4cu",
    });
  });

  it("is read from headers where the parameters leave it open", () => {
    const headers = { "beamgate-vendor": "intel", "beamgate-class": "float32", other: "x" };
    expect(parseWish(undefined, headers)).toEqual({ vendor: "intel", numericClass: "float32" });
    const parameters = said("beamgate_vendor", { type: "string", value: "arm" });
    expect(parseWish(parameters, headers)).toEqual({ vendor: "arm", numericClass: "float32" });
    expect(parseWish(undefined, { "beamgate-vendor": "" })).toBeUndefined();
  });

  it("is looked for in the parameters, too, whatever the headers of the requests before", () => {
    const [plain, other] = [{ te: "trailers" }, { "beamgate-vendor": "intel" }];
    const parameters = said("beamgate_vendor", { type: "string", value: "arm" });
    for (const [given, headers, vendor] of [
      [undefined, plain, undefined],
      [undefined, plain, undefined],
      [parameters, plain, "arm"],
      [undefined, other, "intel"],
      [undefined, plain, undefined],
      [parameters, other, "arm"],
      [undefined, other, "intel"],
    ] as const) {
      expect(parseWish(given, headers)?.vendor).toBe(vendor);
    }
  });

  it("is one artifact, by its digest with or without the word in front", () => {
    const digest = `sha256:${"0a".repeat(32)}`;
    expect(parseWish(said("beamgate_digest", { type: "string", value: digest }))).toEqual({
      digest,
    });
    expect(parseWish(undefined, { "beamgate-digest": "0a".repeat(32) })).toEqual({ digest });
    expect(() => parseWish(undefined, { "beamgate-digest": "0a0a" })).toThrow(
      "the digest '0a0a' is none, expected sha256: and 64 hexadecimal digits",
    );
  });

  it.each([
    [{ type: "int64", value: 5 } as const, "int64 5"],
    [{ type: "bool", value: true } as const, "bool true"],
    [{ type: "string", value: "" } as const, "an empty string"],
  ])("is refused as %j", (parameter, given) => {
    const parse = () => parseWish(said("beamgate_vendor", parameter));
    expect(parse).toThrow(StatusError);
    expect(parse).toThrow(
      `parameter 'beamgate_vendor' is ${given}; send it as string_param with a value, or leave it out`,
    );
  });
});
