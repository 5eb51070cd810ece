import { describe, expect, it } from "vitest";
import { aSignature, FakeCall } from "../../test/support/requests.ts";
import { StatusError } from "../errors.ts";
import type { Parameter } from "../inference/request.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { Pins } from "./pins.ts";

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;

/** @param of digests by variant; "" for a file that nobody hashed yet */
function served(version: string, of: Readonly<Record<string, string>>): ServedModel<Served> {
  const all = Object.entries(of).map(([name, digest]) => {
    const artifact = { digest, path: `/models/${name}`, format: "onnx", platform: "any" };
    return { name, backendKind: name, numericClass: "float32", artifact };
  });
  const [first] = all;
  const definition = {
    name: "jets",
    version,
    signature: aSignature(),
    backendKind: "arm-cpu",
    artifact: first?.artifact,
    parameters: {},
    ...(all.length > 1 ? { variants: all } : {}),
  };
  const device = { id: "cpu:0", vendor: "AuthenticAMD", platform: "linux/x64" };
  const loaded = { instances: [{ report: { batchInvariant: true, device } }] };
  return { definition, loaded } as unknown as ServedModel<Served>;
}

function pinning(versions: readonly ServedModel<Served>[], explained?: StatusError) {
  const hashed: string[] = [];
  const pins = new Pins({
    resolve: (_, version) => {
      const found = versions.find(({ definition }) => definition.version === version);
      if (found === undefined) throw new StatusError("NOT_FOUND", "it is not found");
      return found;
    },
    servingAll: () => versions,
    async digestOf(path) {
      hashed.push(path);
      if (path.includes("folder")) throw new Error("EISDIR");
      return digest("f");
    },
    explain: () => explained,
  });
  const ask = (wanted: string, version = "") => {
    const parameters = new Map<string, Parameter>([
      ["beamgate_digest", { type: "string", value: wanted }],
    ]);
    const wire = { model: "jets", version, id: "", parameters, inputs: [], outputs: [] };
    return pins.find({ ...wire, dataError: undefined }, new FakeCall());
  };
  return { pins, ask, hashed };
}

const versionOf = (found: ReturnType<Pins["find"]>) =>
  found instanceof Promise ? "later" : found?.definition.version;

describe("a digest in a request", () => {
  const one = served("1", { cpu: digest("a"), u50: digest("b") });
  const two = served("2", { cpu: digest("c"), u50: digest("b") });

  it("finds the version that has it: of two, the one that requests without a version get", () => {
    const { ask } = pinning([one, two]);
    expect(versionOf(ask(digest("c")))).toBe("2");
    expect(versionOf(ask(digest("b")))).toBe("1");
    expect(versionOf(ask(digest("b"), "2"))).toBe("2");
  });

  it("is nothing to look for where there is none", () => {
    const { pins } = pinning([one]);
    const wire = { model: "jets", version: "", id: "", parameters: undefined, inputs: [] };
    expect(
      pins.find({ ...wire, outputs: [], dataError: undefined }, new FakeCall()),
    ).toBeUndefined();
  });

  it("that no version has is refused with what there is", () => {
    const { ask } = pinning([one]);
    expect(() => ask(digest("d"))).toThrow(
      `there are cpu of version 1 (${digest("a")}), u50 of version 1 (${digest("b")})`,
    );
    expect(() => ask("0123")).toThrow(/is none, expected sha256:/);
  });

  it("that the registry knows is refused with what it says, also where the version is gone", () => {
    const { ask } = pinning([one], new StatusError("FAILED_PRECONDITION", "it is retired"));
    expect(() => ask(digest("d"))).toThrow("it is retired");
    expect(() => ask(digest("d"), "7")).toThrow("it is retired");
  });

  it("of a version that is nowhere is told as for any other request", () => {
    expect(() => pinning([one]).ask(digest("a"), "7")).toThrow("it is not found");
    expect(() => pinning([]).ask(digest("a"))).toThrow("it is not found");
  });

  it("has a file of a repository hashed, once", async () => {
    const { ask, hashed } = pinning([served("1", { local: "" })]);
    await ask(digest("f"));
    expect(versionOf(ask(digest("f")))).toBe("1");
    expect(() => ask(digest("a"))).toThrow(`there is arm-cpu of version 1 (${digest("f")})`);
    expect(hashed).toEqual(["/models/local"]);
  });

  it("does not wait for what is no file", async () => {
    const { ask } = pinning([served("1", { folder: "" })]);
    await ask(digest("f"));
    expect(() => ask(digest("f"))).toThrow("there is arm-cpu of version 1 (no file)");
  });
});

describe("a model with one artifact", () => {
  const { pins } = pinning([]);
  const only = served("1", { cpu: digest("a") });

  it("takes what fits it, and refuses the rest with what it is", () => {
    pins.require(only, { vendor: "AuthenticAMD", platform: "linux/x64", digest: digest("a") });
    expect(() => pins.require(only, { vendor: "xilinx" })).toThrow(
      "model 'jets': no variant of vendor \"xilinx\": there is arm-cpu (vendor AuthenticAMD, platform " +
        "linux/x64, numeric class float32); ask for one of them, or leave out 'beamgate_vendor'",
    );
    expect(() => pins.require(only, { digest: digest("b") })).toThrow(StatusError);
  });
});
