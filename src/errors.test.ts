import { describe, expect, it } from "vitest";
import { StatusError, withoutStack } from "./errors.ts";
import { quotaRefusal } from "./policy/admission/refusal.ts";

describe("an error without a stack", () => {
  it("says what it is, and nothing of where it was made", () => {
    const error = withoutStack(() => new StatusError("UNAVAILABLE", "too late"));
    expect(error).toMatchObject({ code: "UNAVAILABLE", message: "too late" });
    expect(error.stack).not.toContain("\n");
    expect(new StatusError("INTERNAL", "a mistake").stack).toContain("errors.test");
  });

  it("leaves those of others alone, also where it could not be made", () => {
    const limit = Error.stackTraceLimit;
    const failing = () => {
      throw new Error("not made");
    };
    expect(() => withoutStack(failing)).toThrow("not made");
    expect(Error.stackTraceLimit).toBe(limit);
  });

  it("is what somebody over a quota is told", () => {
    const over = { limit: "rowsPerSecond", allowed: 1, current: 1, retryMs: 10 } as const;
    expect(quotaRefusal("cms", over, { rows: 1, bytes: 4 }).stack).not.toContain("\n");
  });
});
