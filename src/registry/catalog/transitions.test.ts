import { describe, expect, it } from "vitest";
import {
  demoted,
  newModel,
  overdue,
  ready,
  removed,
  retired,
  rolledBack,
  withAlias,
  withArtifact,
  withChanged,
  withoutAlias,
  withPin,
  withVersion,
} from "./transitions.ts";
import type { ArtifactState, CatalogArtifact, CatalogModel, Vendor } from "./types.ts";

const AT = "2026-11-28T08:00:00.000Z";
const digest = (n: number) => `sha256:${String(n).padStart(64, "0")}`;

function artifact(
  n: number,
  state: ArtifactState = "verified",
  vendor: Vendor = "cpu",
): CatalogArtifact {
  return {
    digest: digest(n),
    variant: vendor,
    vendor,
    backend: "arm-cpu",
    platform: "any",
    format: "onnx",
    file: "model.onnx",
    sizeBytes: 1,
    numericClass: "float32",
    facts: {},
    checks: [],
    state,
    registeredBy: "ci",
    registeredAt: AT,
  };
}

/** Versions 1, 2, ... with the artifacts of each. */
function model(...versions: readonly (readonly CatalogArtifact[])[]): CatalogModel {
  return versions.reduce<CatalogModel>((made, artifacts, at) => {
    const version = String(at + 1);
    const equivalence = { class: { kind: "bit-exact" } } as const;
    const grown = withVersion(made, { version, config: {}, equivalence });
    return artifacts.reduce((m, each) => withArtifact(m, version, each), grown);
  }, newModel("jets"));
}
const states = (made: CatalogModel, version: string) =>
  made.versions[version]?.artifacts.map(({ state }) => state);

describe("the first version that is ready", () => {
  it("takes the requests of the model", () => {
    const made = ready(model([artifact(1)]), "1", digest(1), "ci", AT);
    expect(made.aliases).toEqual({ production: { version: "1" } });
    expect(states(made, "1")).toEqual(["ready"]);
  });

  it("keeps them when a second one is ready", () => {
    const first = ready(model([artifact(1)], [artifact(2)]), "1", digest(1), "ci", AT);
    expect(ready(first, "2", digest(2), "ci", AT).aliases["production"]?.version).toBe("1");
  });
});

describe("an artifact", () => {
  it("is the only one of its vendor and platform in a version", () => {
    const made = model([artifact(1)]);
    expect(() => withArtifact(made, "1", artifact(2))).toThrow(
      `has an artifact for cpu any already (${digest(1)}, verified): retire that one`,
    );
    expect(withArtifact(made, "1", artifact(2, "refused")).versions["1"]?.artifacts).toHaveLength(
      2,
    );
  });

  it("that was refused may be registered again", () => {
    const made = withArtifact(model([artifact(1, "refused")]), "1", artifact(1, "uploaded"));
    expect(states(made, "1")).toEqual(["uploaded"]);
  });
});

describe("an alias", () => {
  const two = model([artifact(1, "ready")], [artifact(2, "ready")], [artifact(3)]);

  it("moves, and goes back where it was", () => {
    const moved = withAlias(
      withAlias(two, { alias: "production", version: "1" }, "a", AT),
      { alias: "production", version: "2" },
      "b",
      AT,
    );
    const back = rolledBack(moved, "production");
    expect(back.to).toEqual({ version: "1" });
    expect(back.model.aliases).toEqual({ production: { version: "1" } });
    expect(() => rolledBack(back.model, "production")).toThrow("never pointed at another version");
  });

  it.each([
    [{ alias: "production", version: "3" }, "no artifact that is ready (cpu verified)"],
    [{ alias: "production", version: "9" }, "has no version 9 in the registry; there are: 1, 2, 3"],
    [{ alias: "production", version: "1", weight: 0.5 }, "has no weight"],
    [{ alias: "candidate", version: "1", weight: 1.5 }, "the weight is 1.5: expected 0 to 1"],
    [{ alias: "candidate", version: "1", shadowShare: Number.NaN }, "expected 0 to 1"],
    [{ alias: "Über", version: "1" }, "is no name of an alias"],
  ])("is refused as %o", (alias, text) => {
    expect(() => withAlias(two, alias, "a", AT)).toThrow(text);
  });

  it("that is not production can be dropped", () => {
    const made = withAlias(two, { alias: "candidate", version: "2", weight: 0.1 }, "a", AT);
    expect(withoutAlias(made, "candidate").aliases).toEqual({});
    expect(() => withoutAlias(made, "other")).toThrow("has no alias 'other'");
    const production = withAlias(two, { alias: "production", version: "1" }, "a", AT);
    expect(() => withoutAlias(production, "production")).toThrow("promote another version");
  });
});

describe("retiring", () => {
  const serving = withAlias(
    model([artifact(1, "ready"), artifact(4, "ready", "intel")], [artifact(2, "ready")]),
    { alias: "production", version: "1" },
    "a",
    AT,
  );
  const name = { name: "jets" };

  it("takes one artifact of a version while another serves it", () => {
    const made = retired(serving, { ...name, version: "1", vendor: "intel" }, "worse");
    expect(states(made, "1")).toEqual(["ready", "retired"]);
  });

  it("leaves no alias without anything that serves", () => {
    expect(() => retired(serving, { ...name, version: "1" }, "")).toThrow(
      "promote another version",
    );
    expect(states(retired(serving, { ...name, version: "2" }, "old"), "2")).toEqual(["retired"]);
  });

  it("leaves what is pinned", () => {
    const pin = { by: "ana", at: AT, note: "thesis" };
    const pinned = withPin(serving, { ...name, version: "2" }, pin);
    expect(() => retired(pinned, { ...name, version: "2" }, "")).toThrow(
      'pinned by ana ("thesis")',
    );
    const free = withPin(pinned, { ...name, version: "2" }, undefined);
    expect(states(retired(free, { ...name, version: "2" }, ""), "2")).toEqual(["retired"]);
  });
});

describe("demotion", () => {
  it("drops the aliases that nothing serves any more, but for production", () => {
    const two = model([artifact(1, "ready")], [artifact(2, "ready")]);
    const both = withAlias(
      withAlias(two, { alias: "production", version: "1" }, "a", AT),
      { alias: "candidate", version: "2", shadowShare: 0.1 },
      "a",
      AT,
    );
    const drifted = demoted(both, "2", digest(2), "left its class");
    expect(drifted.aliases).toEqual({ production: { version: "1" } });
    expect(drifted.versions["2"]?.artifacts[0]).toMatchObject({
      state: "refused",
      reason: "left its class",
    });
    expect(demoted(both, "1", digest(1), "").aliases["production"]).toEqual({ version: "1" });
  });
});

describe("removing", () => {
  it("takes what is retired or refused only", () => {
    const made = model([artifact(1, "ready")], [artifact(2, "retired"), artifact(3, "refused")]);
    expect(() => removed(made, { name: "jets" })).toThrow("is ready: retire it first");
    expect(Object.keys(removed(made, { name: "jets", version: "2" })?.versions ?? {})).toEqual([
      "1",
    ]);
    expect(removed(model([artifact(1, "retired")]), { name: "jets" })).toBeUndefined();
  });

  it("is due for retired versions beyond those that are kept, the oldest first", () => {
    const gone = [artifact(1, "retired")];
    const made = model(gone, gone, [artifact(2, "ready")], gone);
    expect(overdue(made, 1)).toEqual(["1", "2"]);
    expect(overdue(made, 9)).toEqual([]);
    const pinned = withChanged(made, "1", digest(1), { pinned: { by: "a", at: AT, note: "" } });
    expect(overdue(pinned, 1)).toEqual(["2"]);
  });
});
