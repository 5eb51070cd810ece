import { describe, expect, it } from "vitest";
import { editDistance, nearest, suggestion } from "./nearest.ts";

describe("the distance between two words", () => {
  it.each([
    ["", "", 0],
    ["abc", "", 3],
    ["grpc", "grpc", 0],
    ["prot", "port", 1], // neighbours swapped
    ["adress", "address", 1],
    ["kitten", "sitting", 3],
  ])("%j to %j is %i", (left, right, edits) => {
    expect(editDistance(left, right)).toBe(edits);
    expect(editDistance(right, left)).toBe(edits);
  });
});

describe("a mistyped word", () => {
  const known = ["grpc.port", "grpc.address", "http.port"];

  it("suggests the known word with the fewest edits", () => {
    expect(nearest("grpc.prot", known)).toBe("grpc.port");
    expect(suggestion("GRPC.Adress", known)).toBe(" (did you mean grpc.address?)");
  });

  it("suggests nothing when no known word is near", () => {
    expect(suggestion("somethingElse", known)).toBe("");
  });

  it("costs nothing when it is absurdly long", () => {
    expect(nearest("a".repeat(10_000_000), known)).toBeUndefined();
  });
});
