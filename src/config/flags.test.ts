import { describe, expect, it } from "vitest";
import { variableName } from "./env.ts";
import { flags } from "./flags.ts";
import { keys, sections } from "./keys.ts";
import { defaultReceiveBudgetBytes } from "./memory.ts";
import { tritonFlags } from "./tritonserver-flags.ts";

describe("the table of flags", () => {
  it("names no flag twice", () => {
    const names = flags.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it("names only keys that exist, and a reason for every flag without one", () => {
    for (const { name, key, ignored, spread } of tritonFlags) {
      if (spread !== undefined) expect(ignored, name).toBeUndefined();
      else if (key === undefined) expect(ignored, name).toBeTruthy();
      else expect(keys.has(key), `${name} → ${key}`).toBe(true);
    }
  });

  it("reaches every key but lists of objects", () => {
    const reached = new Set(flags.map(({ key }) => key));
    const missing = [...keys.keys()].filter((key) => !reached.has(key));
    expect(missing).toEqual(["auth.listeners", "backends", "trace.level"]); // --trace-level spreads
  });

  it("gives keys of our own a flag of their name", () => {
    const own = flags.filter(({ triton }) => !triton).map(({ name }) => name);
    expect(own).toContain("workers-max-cpu-workers");
    expect(own).toContain("insecure-no-auth");
    expect(own).toContain("grpc-receive-budget-bytes");
  });
});

describe("the schema", () => {
  it("says the meaning of every key", () => {
    for (const { name, meaning } of keys.values()) expect(meaning, name).not.toBe("");
  });

  it("names the unit in the key or beside it where a key is a quantity of time or bytes", () => {
    for (const { name, unit } of keys.values()) {
      if (name.endsWith("Ms")) expect(unit, name).toBe("ms");
      if (name.endsWith("Secs")) expect(unit, name).toBe("s");
      if (name.endsWith("Bytes")) expect(unit, name).toBe("bytes");
    }
    expect(sections).toContain("grpc.tls");
  });

  it("gives every key an environment variable of its own", () => {
    const names = [...keys.keys()].map(variableName);
    expect(new Set(names).size).toBe(names.length);
    expect(variableName("grpc.tls.certPath")).toBe("BEAMGATE_GRPC_TLS_CERT_PATH");
  });
});

describe("the budget of bodies being received", () => {
  it.each([
    [300 * 2 ** 20, 75 * 2 ** 20],
    [64 * 2 ** 30, 4 * 2 ** 30],
  ])("is a quarter of the memory, at most 4 GiB: %i → %i", (limit, budget) => {
    expect(defaultReceiveBudgetBytes(limit)).toBe(budget);
  });
});
