import { describe, expect, it } from "vitest";
import { readRestrictions } from "./restrictions.ts";

const read = (...entries: string[]) =>
  readRestrictions(entries, "protocol", "triton-grpc-protocol-");

describe("restricted protocols", () => {
  it("are written as groups, a header and its value, which may hold any character", () => {
    const { headers, problems } = read("health,metadata:Admin=a=b:c,d", "trace:other=x");
    expect(problems).toEqual([]);
    expect(headers.get("health")).toEqual({ name: "triton-grpc-protocol-admin", value: "a=b:c,d" });
    expect(headers.get("metadata")).toEqual(headers.get("health"));
    expect([...headers.keys()]).toEqual(["health", "metadata", "trace"]);
  });

  it.each([
    [["nothing:k=v"], "unknown restricted protocol 'nothing'"],
    [
      ["health:k=v", "health:l=w"],
      "restricted protocol 'health' can not be specified in multiple config groups",
    ],
    [
      ["health,health:k=v"],
      "restricted protocol 'health' can not be specified in multiple config groups",
    ],
    [["health"], "entry 1 does not have the form"],
    [["health:k="], "entry 1 does not have the form"],
    [["health:=secret"], "entry 1 does not have the form"],
    [["health:a b=secret"], "entry 1 does not have the form"],
  ])("%j are refused, without telling a value", (entries, problem) => {
    const { problems } = read(...entries);
    expect(problems.join("\n")).toContain(problem);
    expect(problems.join("\n")).not.toContain("secret");
  });
});
