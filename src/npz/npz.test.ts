import { execFileSync } from "node:child_process";
import { createWriteStream, existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { packageRoot } from "../package-root.ts";
import { npyHeader, parseNpyHeader } from "./npy-header.ts";
import { openNpz } from "./read-npz.ts";
import { writeNpz } from "./write-npz.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "beamgate-npz-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const floats = (...values: number[]) => new Uint8Array(Float32Array.of(...values).buffer);
const python = [join(packageRoot, ".venv", "bin", "python"), "python3"].find((program) => {
  try {
    if (program.includes("/") && !existsSync(program)) return false;
    execFileSync(program, ["-c", "import numpy"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

async function everything(path: string, names: readonly string[], rowsPerChunk = 2) {
  const npz = await openNpz(path);
  const data: Record<string, Buffer> = {};
  for await (const chunk of npz.chunks(names, rowsPerChunk)) {
    for (const name of names) {
      const part = chunk.data.get(name) ?? new Uint8Array();
      data[name] = Buffer.concat([data[name] ?? Buffer.alloc(0), part]);
    }
  }
  npz.close();
  return { arrays: npz.arrays, data };
}

describe("a npz file of ours", () => {
  it("comes back by rows as it was written, and is the same bytes every time", async () => {
    const [path, again] = [join(folder, "a.npz"), join(folder, "b.npz")];
    const chunks = [floats(1, 2, 3, 4), floats(5, 6)];
    const content = [
      { name: "x", datatype: "FP32", shape: [3, 2], chunks },
      { name: "y", datatype: "INT64", shape: [3], chunks: [new Uint8Array(24).fill(1)] },
    ] as const;
    await writeNpz(path, content);
    await writeNpz(again, content);
    expect(await readFile(path)).toEqual(await readFile(again));
    const { arrays, data } = await everything(path, ["x", "y"]);
    expect(arrays).toEqual([
      { name: "x", datatype: "FP32", shape: [3, 2] },
      { name: "y", datatype: "INT64", shape: [3] },
    ]);
    expect(data["x"]).toEqual(Buffer.from(floats(1, 2, 3, 4, 5, 6)));
    expect(data["y"]).toEqual(Buffer.alloc(24, 1));
  });

  it.each([
    ["an array that it has not", ["z"], "has no array 'z'; there are: x, y"],
    ["arrays of different lengths", ["x", "y"], "'x' has 2 rows, 'y' 3"],
  ])("names %s", async (_, names, text) => {
    const path = join(folder, "a.npz");
    await writeNpz(path, [
      { name: "x", datatype: "FP32", shape: [2], chunks: [floats(1, 2)] },
      { name: "y", datatype: "FP32", shape: [3], chunks: [floats(1, 2, 3)] },
    ]);
    await expect(everything(path, names)).rejects.toThrow(text);
  });
});

describe("a file that is none, or lies", () => {
  it("is refused where it is no zip", async () => {
    await writeFile(join(folder, "a.npz"), "no zip");
    await expect(openNpz(join(folder, "a.npz"))).rejects.toThrow("is no npz file");
  });

  it("is refused where it is cut off", async () => {
    const path = join(folder, "a.npz");
    await writeNpz(path, [{ name: "x", datatype: "FP32", shape: [2], chunks: [floats(1, 2)] }]);
    await truncate(path, 150);
    await expect(openNpz(path)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is refused where a header claims more than there is", async () => {
    const path = join(folder, "a.npz");
    await writeNpz(path, [{ name: "x", datatype: "FP32", shape: [1e9, 1e6], chunks: [floats(1)] }]);
    await expect(openNpz(path)).rejects.toThrow("its header promises");
  });

  it.each([
    ["{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", "Fortran"],
    ["{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "its elements are '|O'"],
    ["{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "records"],
    ["{'descr': '<c8', 'fortran_order': False, 'shape': (2,), }", "known are"],
    ["__import__('os').system('true')", "names no shape"],
    ["{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "its shape"],
  ])("is refused with the header %s", (text, reason) => {
    const header = Buffer.from(`\u0093NUMPY\u0001\u0000  ${text}\n`, "latin1");
    header.writeUInt16LE(header.length - 10, 8);
    expect(() => parseNpyHeader(header)).toThrow(reason);
  });

  it("has no header of a megabyte", () => {
    const header = Buffer.alloc(20);
    header.write("\u0093NUMPY\u0002\u0000", "latin1");
    header.writeUInt32LE(1_000_000, 8);
    expect(() => parseNpyHeader(header)).toThrow("claims 1000000 bytes");
  });
});

describe("a file that was changed, or is packed all too well", () => {
  it("is refused where a byte of its elements is another", async () => {
    const path = join(folder, "a.npz");
    await writeNpz(path, [{ name: "x", datatype: "FP32", shape: [2], chunks: [floats(1, 2)] }]);
    const bytes = await readFile(path);
    bytes[bytes.indexOf(floats(1, 2))] = 7;
    await writeFile(path, bytes);
    await expect(everything(path, ["x"])).rejects.toThrow("its check sum is wrong");
  });

  it("is refused where one row is larger than what may be in memory", async () => {
    const path = join(folder, "a.npz");
    const row = 300 * 1024 * 1024;
    const zip = new ZipFile();
    const npy = Readable.from(
      (function* () {
        yield npyHeader("UINT8", [1, row]);
        for (let at = 0; at < row; at += 2 ** 20) yield Buffer.alloc(2 ** 20);
      })(),
    );
    zip.addReadStream(npy, "x.npy", { compress: true, compressionLevel: 1 });
    zip.end();
    await pipeline(zip.outputStream, createWriteStream(path));
    expect((await stat(path)).size).toBeLessThan(4 * 2 ** 20);
    await expect(everything(path, ["x"])).rejects.toThrow(/a row of array 'x' .* at most/);
  });
});

describe("a header of ours", () => {
  it.each([
    [[3, 2], "(3, 2)"],
    [[3], "(3,)"],
    [[], "()"],
  ])("of shape %j is aligned and says %s", (shape, text) => {
    const header = npyHeader("FP16", shape);
    expect(header.length % 64).toBe(0);
    expect(header.toString("latin1")).toContain(`'shape': ${text}`);
    expect(parseNpyHeader(header)).toMatchObject({ datatype: "FP16", shape });
  });

  it("does not exist for what numpy has not", () => {
    expect(() => npyHeader("BF16", [1])).toThrow("no numpy type for BF16");
  });
});

describe.skipIf(python === undefined)("numpy (skipped where it is not installed)", () => {
  const run = (code: string) =>
    execFileSync(
      python ?? "",
      ["-c", `import numpy, os\nos.chdir(${JSON.stringify(folder)})\n${code}`],
      {
        encoding: "utf8",
      },
    );

  it("reads what we write", async () => {
    await writeNpz(join(folder, "a.npz"), [
      { name: "x", datatype: "FP32", shape: [2, 2], chunks: [floats(1, 2, 3, 4)] },
      { name: "flag", datatype: "BOOL", shape: [2], chunks: [Uint8Array.of(1, 0)] },
    ]);
    const said = run("f = numpy.load('a.npz'); print(f['x'].tolist(), f['flag'].tolist())");
    expect(said.trim()).toBe("[[1.0, 2.0], [3.0, 4.0]] [True, False]");
  });

  it("writes what we read: every type, compressed or not, both byte orders, strings", async () => {
    for (const save of ["savez", "savez_compressed"]) {
      run(
        `a = {kind: (numpy.arange(6).reshape(3, 2) % 2).astype(kind) for kind in ['?', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8']}
numpy.${save}('n.npz', big=numpy.arange(6, dtype='>f4').reshape(3, 2), text=numpy.array(['a', 'bc', '€']), raw=numpy.array([b'a', b'', b'xyz']), **{'t' + k.replace('?', 'b1'): v for k, v in a.items()})
numpy.save('plain', a['f8']); open('f8.bin', 'wb').write(a['f8'].tobytes())`,
      );
      const names = ["big", "text", "raw", "tb1", "ti8", "tf2", "tf8"];
      const { arrays, data } = await everything(join(folder, "n.npz"), names);
      expect(arrays.find(({ name }) => name === "tf2")).toEqual({
        name: "tf2",
        datatype: "FP16",
        shape: [3, 2],
      });
      expect(data["big"]).toEqual(Buffer.from(floats(0, 1, 2, 3, 4, 5)));
      expect(data["tf8"]).toEqual(await readFile(join(folder, "f8.bin")));
      expect(data["text"]?.toString("latin1")).toBe(
        "\x01\0\0\0a\x02\0\0\0bc\x03\0\0\0\xe2\x82\xac",
      );
      expect(data["raw"]?.toString()).toBe("\x01\0\0\0a\0\0\0\0\x03\0\0\0xyz");
    }
  });
});
