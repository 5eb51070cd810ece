import { afterEach, describe, expect, it } from "vitest";
import { Readiness } from "./readiness.ts";

const PERIOD_MS = 20;
const opened: Readiness[] = [];
afterEach(() => {
  for (const readiness of opened.splice(0)) readiness.close();
});

function watching() {
  const far = { ready: true as boolean | Error, questions: 0, mismatch: "" };
  const told: (string | undefined)[] = [];
  const readiness = new Readiness({
    server: {
      address: "far:1",
      async modelReady() {
        far.questions += 1;
        if (far.ready instanceof Error) throw far.ready;
        return far.ready;
      },
    },
    model: { name: "jets", version: "" },
    periodMs: PERIOD_MS,
    async verify() {
      if (far.mismatch !== "") throw new Error(far.mismatch);
    },
  });
  opened.push(readiness);
  readiness.watch((trouble) => told.push(trouble));
  return { far, told, readiness };
}

describe("the readiness of a far model", () => {
  it("is asked for again and again; only news is told", async () => {
    const { far, told } = watching();
    await expect.poll(() => far.questions).toBeGreaterThan(3);
    expect(told).toEqual([]);
    far.ready = false;
    await expect.poll(() => told).toEqual(["server far:1 says that model 'jets' is not ready"]);
    far.ready = new Error("nobody answers");
    const before = far.questions;
    await expect.poll(() => far.questions).toBeGreaterThan(before + 2);
    expect(told).toHaveLength(1);
    far.ready = true;
    await expect.poll(() => told.at(-1)).toBeUndefined();
    expect(told).toHaveLength(2);
  });

  it("comes back with the model that was meant only", async () => {
    const { far, told, readiness } = watching();
    far.ready = new Error("nobody answers");
    await expect.poll(() => told.length).toBe(1);
    far.ready = true;
    far.mismatch = "another model";
    await expect.poll(() => readiness.trouble).toBe("another model");
    expect(told).toHaveLength(1);
    far.mismatch = "";
    await expect.poll(() => told.length).toBe(2);
  });

  it("is asked for at once where an execution failed", async () => {
    const { far, told, readiness } = watching();
    far.ready = false;
    readiness.suspect();
    await Promise.resolve();
    expect(far.questions).toBe(1);
    await expect.poll(() => told.length).toBe(1);
  });

  it("is asked for no more once closed", async () => {
    const { far, readiness } = watching();
    readiness.close();
    const before = far.questions;
    await new Promise((resolve) => setTimeout(resolve, 5 * PERIOD_MS));
    expect(far.questions).toBe(before);
  });
});
