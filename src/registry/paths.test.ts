import { describe, expect, it } from "vitest";
import { checkModelName, staysInside } from "./paths.ts";

describe("a path inside a model's folder", () => {
  it.each(["model.onnx", "a/b.txt", "./x", "a/../b", "..x", "a..b"])("takes %j", (path) => {
    expect(staysInside(path)).toBe(true);
  });
  it.each(["..", ".", "", "../x", "a/../../x", "/etc/passwd", "a\\..\\b", "a\0b", "./.."])(
    "refuses %j",
    (path) => {
      expect(staysInside(path)).toBe(false);
    },
  );
});

describe("the name of a model", () => {
  it.each(["particlenet_AK8_MD-2prong", "a.b", "..a", "model v2", "ünï"])("takes %j", (name) => {
    expect(() => checkModelName(name)).not.toThrow();
  });
  it.each(["..", " .. ", ".", "a/b", "/", "../x", "a\\b", "a\0", "", "  "])(
    "refuses %j",
    (name) => {
      expect(() => checkModelName(name)).toThrow(/path traversal characters|cannot be empty/);
    },
  );
});
