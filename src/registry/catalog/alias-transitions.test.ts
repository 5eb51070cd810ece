import { describe, expect, it } from "vitest";
import { AT, digestFor, modelWith, withArtifact } from "../../../test/support/catalog-model.ts";
import { dropAlias, KEPT_ALIAS_CHANGES, rollbackAlias, setAlias } from "./alias-transitions.ts";
import { setState } from "./artifact-transitions.ts";

const by = { at: AT, by: "ada" };

function point(
  model: ReturnType<typeof modelWith>,
  alias: string,
  version: string,
  weight?: number,
) {
  return setAlias(model, { alias, version, ...(weight === undefined ? {} : { weight }), ...by });
}

describe("an alias", () => {
  it("points at a version that serves, and remembers where it pointed before", () => {
    const model = point(modelWith("1", "2"), "production", "2");
    expect(model.aliases).toEqual({ production: { version: "2" } });
    expect(model.aliasHistory).toEqual([{ alias: "production", version: "1", ...by }]);
    expect(point(model, "production", "2")).toBe(model);
  });

  it("does not point at what does not serve, or is not there", () => {
    const model = withArtifact(modelWith("1"), "2", { state: "validated" });
    expect(() => point(model, "production", "2")).toThrow(
      expect.objectContaining({
        code: "FAILED_PRECONDITION",
        message: expect.stringContaining("none of its artifacts is ready (cpu is validated)"),
      }),
    );
    expect(() => point(model, "production", "3")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND" }),
    );
  });

  for (const name of ["", "Production", "1", "a b", "-x", "__proto__", "x".repeat(65)]) {
    it(`cannot be called '${name}'`, () => {
      expect(() => point(modelWith("1"), name, "1")).toThrow(/cannot be an alias/);
    });
  }

  it("may be called as something that every object has", () => {
    const model = modelWith("1");
    expect(() => dropAlias(model, { alias: "constructor", ...by })).toThrow(/has no alias/);
    expect(point(model, "constructor", "1").aliases["constructor"]).toEqual({ version: "1" });
  });
});

describe("the candidate", () => {
  it("has a weight of 0 to 1, 0 where none is said", () => {
    const model = modelWith("1", "2");
    expect(point(model, "candidate", "2").aliases["candidate"]).toEqual({
      version: "2",
      weight: 0,
    });
    for (const weight of [0, 0.25, 1]) {
      expect(point(model, "candidate", "2", weight).aliases["candidate"]?.weight).toBe(weight);
    }
    for (const weight of [-0.1, 1.1, Number.NaN]) {
      expect(() => point(model, "candidate", "2", weight)).toThrow(/not within 0 and 1/);
    }
    expect(() => point(model, "production", "2", 0.5)).toThrow(/only 'candidate' has a weight/);
  });

  it("changes its weight without a step in the history", () => {
    const model = point(point(modelWith("1", "2"), "candidate", "2", 0.1), "candidate", "2", 0.5);
    expect(model.aliases["candidate"]).toEqual({ version: "2", weight: 0.5 });
    expect(model.aliasHistory).toEqual([]);
  });
});

describe("a rollback", () => {
  it("goes back a step, and another one", () => {
    const third = point(point(modelWith("1", "2", "3"), "production", "2"), "production", "3");
    const second = rollbackAlias(third, "production");
    expect(second.aliases).toEqual({ production: { version: "2" } });
    const first = rollbackAlias(second, "production");
    expect(first).toEqual(modelWith("1", "2", "3"));
    expect(() => rollbackAlias(first, "production")).toThrow(/did not point at anything else/);
  });

  it("does not touch other aliases", () => {
    const model = point(point(modelWith("1", "2"), "candidate", "2", 0.1), "candidate", "1", 0.2);
    const moved = point(model, "production", "2");
    const back = rollbackAlias(moved, "candidate");
    expect(back.aliases).toEqual({
      production: { version: "2" },
      candidate: { version: "2", weight: 0.1 },
    });
    expect(back.aliasHistory).toEqual([{ alias: "production", version: "1", ...by }]);
  });

  it("refuses to go back to what does not serve any more", () => {
    const moved = point(modelWith("1", "2"), "production", "2");
    const first = { version: "1", digest: digestFor("cpu 1") };
    const drifted = setState(moved, { ...first, state: "refused", reason: "drift" });
    expect(() => rollbackAlias(drifted, "production")).toThrow(/cpu is refused/);
  });

  it("remembers the newest changes of each alias", () => {
    let model = point(modelWith("1", "2"), "candidate", "2");
    model = point(model, "candidate", "1");
    for (let at = 0; at < 3 * KEPT_ALIAS_CHANGES; at++) {
      model = point(model, "production", at % 2 === 0 ? "2" : "1");
    }
    const of = (alias: string) => model.aliasHistory.filter((change) => change.alias === alias);
    expect(of("production")).toHaveLength(KEPT_ALIAS_CHANGES);
    expect(of("production").at(-1)?.version).toBe("2");
    expect(of("candidate")).toHaveLength(1);
  });
});

describe("dropping an alias", () => {
  it("can be taken back", () => {
    const model = point(modelWith("1", "2"), "candidate", "2", 0.1);
    const dropped = dropAlias(model, { alias: "candidate", ...by });
    expect(dropped.aliases).toEqual({ production: { version: "1" } });
    expect(rollbackAlias(dropped, "candidate")).toEqual(model);
  });

  it("refuses production while the candidate takes a share of it", () => {
    const model = point(modelWith("1", "2"), "candidate", "2", 0.1);
    expect(() => dropAlias(model, { alias: "production", ...by })).toThrow(
      expect.objectContaining({
        code: "FAILED_PRECONDITION",
        message: expect.stringContaining("drop 'candidate' first"),
      }),
    );
    const alone = dropAlias(model, { alias: "candidate", ...by });
    expect(dropAlias(alone, { alias: "production", ...by }).aliases).toEqual({});
  });
});
