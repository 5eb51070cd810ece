import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StatusError } from "../errors.ts";
import { packageRoot } from "../package-root.ts";
import { formatConfig, MAX_CONFIG_BYTES, parseConfig, readConfigFile } from "./config-pbtxt.ts";

const parse = (text: string) => parseConfig(text, "config.pbtxt");

const shared = join(packageRoot, "..", "shared", "configs");
const files = (
  await Promise.all(
    ["hep", "triton"].map((folder) =>
      readdir(join(shared, folder)).then(
        (names) =>
          names.filter((name) => name.endsWith(".pbtxt")).map((name) => join(folder, name)),
        () => [],
      ),
    ),
  )
).flat();

describe.skipIf(files.length === 0)("configurations in the wild (../shared/configs)", () => {
  it.each(files)("%s: what Google's parser makes of it", async (name) => {
    const expected: unknown = JSON.parse(
      await readFile(join(shared, name.replace(/pbtxt$/, "json")), "utf8"),
    );
    const config = await readConfigFile(join(shared, name));
    expect(config).toEqual(expected);
    // Written as text and read again, nothing is lost.
    expect(parse(formatConfig(config))).toEqual(expected);
  });
});

describe("the plain form of a configuration", () => {
  it("leaves out defaults, but not a chosen member of a oneof", () => {
    expect(parse('name: "" max_batch_size: 0 input []')).toEqual({});
    expect(parse("dynamic_batching { }")).toEqual({ dynamic_batching: {} });
    expect(parse('model_warmup { inputs { key: "x" value { zero_data: false } } }')).toEqual({
      model_warmup: [{ inputs: { x: { zero_data: false } } }],
    });
  });

  it("keeps texts that look like zero", () => {
    expect(parse('name: "0" platform: " "')).toEqual({ name: "0", platform: " " });
  });

  it("writes 64-bit integers as text and enums by name, also where they came as numbers", () => {
    expect(parse("input { data_type: 11 dims: [ -1, 9223372036854775807 ] }")).toEqual({
      input: [{ data_type: "TYPE_FP32", dims: ["-1", "9223372036854775807"] }],
    });
    expect(parse("version_policy { specific { versions: 0x10 } }")).toEqual({
      version_policy: { specific: { versions: ["16"] } },
    });
  });

  it("writes a 32-bit float as the shortest decimal", () => {
    const config = parse("sequence_batching { direct { minimum_slot_utilization: 0.1 } }");
    expect(config).toEqual({ sequence_batching: { direct: { minimum_slot_utilization: 0.1 } } });
  });

  it("merges repeated blocks, and takes the last value of a map's key", () => {
    const config = parse(`
      input { name: "a" } , input: [ { name: 'b' 'c' } ];
      parameters { key: "k" value { string_value: "1" } }
      parameters: [ { key: "k" value: < string_value: "2" > } ]`);
    expect(config).toEqual({
      input: [{ name: "a" }, { name: "bc" }],
      parameters: { k: { string_value: "2" } },
    });
  });

  it("keeps a map key named like a property of every object", () => {
    const config = parse('metric_tags { key: "__proto__" value: "x" }');
    const tags = Object.values(config).map((value) => Object.entries(value as object));
    expect(tags).toEqual([[["__proto__", "x"]]]);
  });
});

describe("a configuration that cannot be read", () => {
  it.each([
    [
      "an unknown field",
      'name: "x"\n\nmax_batchsize: 4',
      3,
      /unknown field 'max_batchsize'.*spell/,
    ],
    ["a scalar given twice", 'name: "x"\nmax_batch_size: 1\nmax_batch_size: 2\n', 3, /once only/],
    [
      "two scheduling choices",
      "dynamic_batching { }\nsequence_batching { }",
      2,
      /scheduling_choice/,
    ],
    ["a word that no enum has", "input {\n data_type:\n TYPE_FLOAT }\n", 3, /enum value expected/],
    ["a block left open", 'input {\n name: "x"\n', 3, /not closed/],
    ["a number that is none", "max_batch_size: 1\ninstance_group { count: x }", 2, /integer/],
    ["a list for one value", "max_batch_size:\n [ 4 ]", 2, /leave out the brackets/],
    ["a text without end", 'name: "x\n', 1, /illegal string/],
  ])("%s: says file, line and reason", (_, text, line, reason) => {
    expect(() => parse(text)).toThrow(reason);
    expect(() => parse(text)).toThrow(`failed to read text proto from config.pbtxt:${line}: `);
  });

  it("refuses 30 000 nested lists without a stack overflow", () => {
    for (const text of ["input [".repeat(3e4), "input {".repeat(3e4), "[".repeat(3e4)]) {
      expect(() => parse(text)).toThrow(/config\.pbtxt:1: /);
    }
  });

  it("2000 damaged files: a configuration or a StatusError, in bounded time", () => {
    const seed = `name: "m" max_batch_size: 8 input [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] } ]
      version_policy { specific { versions: 1 } } # note
      dynamic_batching { priority_queue_policy { key: 1 value { max_queue_size: 5 } } }
      parameters { key: "k" value { string_value: "v\\n" } } instance_group < count: 2 >`;
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      "<",
      '"',
      "'",
      ":",
      "-",
      "9e99",
      "inf",
      "\\x",
      "\0",
      "input",
      "\n",
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(seed.length), fc.nat(8), fc.constantFrom(...pieces)), {
          minLength: 1,
          maxLength: 5,
        }),
        (cuts) => {
          const text = cuts.reduce(
            (damaged, [at, length, piece]) =>
              damaged.slice(0, at) + piece + damaged.slice(at + length),
            seed,
          );
          try {
            JSON.stringify(parse(text));
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(StatusError);
          }
        },
      ),
      { numRuns: 2000, seed: 7 },
    );
  });

  it("refuses a file beyond the size limit, and one that is not there", async () => {
    const folder = await mkdtemp(join(tmpdir(), "beamgate-config-"));
    const path = join(folder, "config.pbtxt");
    await writeFile(path, `name: "x" # ${"x".repeat(MAX_CONFIG_BYTES)}`);
    await expect(readConfigFile(path)).rejects.toThrow(/larger than 262144 bytes/);
    await rm(folder, { recursive: true });
    await expect(readConfigFile(path)).rejects.toThrow(/failed to open text file for read/);
  });
});
