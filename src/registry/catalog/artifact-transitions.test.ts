import { describe, expect, it } from "vitest";
import {
  AT,
  digestFor,
  modelWith,
  someArtifact,
  withArtifact,
} from "../../../test/support/catalog-model.ts";
import { setAlias } from "./alias-transitions.ts";
import {
  addArtifact,
  checkModelRemovable,
  pin,
  removeArtifact,
  retire,
  setState,
} from "./artifact-transitions.ts";
import { artifactOf } from "./find.ts";
import type { ArtifactState, CatalogModel } from "./types.ts";

const cpu = digestFor("cpu ");
const ref = { version: "1", digest: cpu };
const pinned = { by: "ada", at: AT, note: "run 3 needs it" };
const refused = (message: RegExp) =>
  expect.objectContaining({
    code: "FAILED_PRECONDITION",
    message: expect.stringMatching(message),
  });

describe("an artifact that is added", () => {
  it("makes model and version where they are missing", () => {
    const model = withArtifact(undefined, "1", { state: "uploaded" });
    expect(model).toMatchObject({ name: "tagger", aliases: {}, aliasHistory: [] });
    expect(model.versions["1"]?.artifacts).toEqual([someArtifact({ digest: cpu })]);
  });

  it("changes nothing where the same bytes are there", () => {
    const model = withArtifact(undefined, "1");
    expect(withArtifact(model, "1", { state: "uploaded" })).toBe(model);
  });

  for (const state of ["retired", "refused"] as const) {
    it(`begins anew where the same bytes were ${state}, and stays pinned`, () => {
      const gone = pin(withArtifact(undefined, "1", { state }), ref, pinned);
      const model = withArtifact(gone, "1", { state: "uploaded" });
      expect(artifactOf(model, ref)).toEqual({ ...someArtifact({ digest: cpu }), pinned });
    });
  }

  it("is one of a vendor and platform in a version", () => {
    const model = withArtifact(undefined, "1");
    const other = digestFor("other");
    expect(() => withArtifact(model, "1", { digest: other })).toThrow(
      refused(/has an artifact for cpu cpu already .* retire that one first/),
    );
    expect(withArtifact(model, "2", { digest: other }).versions["2"]?.artifacts).toHaveLength(1);
  });

  it("takes the place of one that was refused", () => {
    const model = withArtifact(undefined, "1", { state: "refused" });
    const next = withArtifact(model, "1", { digest: digestFor("other"), state: "validated" });
    expect(next.versions["1"]?.artifacts.map(({ state }) => state)).toEqual([
      "refused",
      "validated",
    ]);
  });

  it("may be one of several platforms, under a name of its own", () => {
    const model = withArtifact(undefined, "1", { vendor: "xilinx", platform: "u50" });
    const same = { vendor: "xilinx", platform: "u250", digest: digestFor("u250") } as const;
    expect(() => withArtifact(model, "1", same)).toThrow(refused(/variant xilinx/));
    const next = withArtifact(model, "1", { ...same, variant: "xilinx-u250" });
    expect(next.versions["1"]?.artifacts).toHaveLength(2);
  });

  it("adds the files of the version", () => {
    const added = {
      name: "tagger",
      version: "1",
      config: {},
      equivalence: { class: { kind: "bit-exact" } },
      artifact: someArtifact(),
      files: { "labels.txt": digestFor("labels") },
    } as const;
    const model = addArtifact(withArtifact(undefined, "2"), added);
    const next = addArtifact(model, {
      ...added,
      artifact: someArtifact({ vendor: "nvidia" }),
      files: { "more.txt": digestFor("more") },
    });
    expect(Object.keys(next.versions["1"]?.files ?? {})).toEqual(["labels.txt", "more.txt"]);
  });

  for (const version of ["", "01", "-1", "v1", "1.0", "__proto__", "9".repeat(19)]) {
    it(`has no version '${version}'`, () => {
      expect(() => withArtifact(undefined, version)).toThrow(/is no version/);
    });
  }
});

describe("the state of an artifact", () => {
  const allowed: Readonly<Record<ArtifactState, readonly ArtifactState[]>> = {
    uploaded: ["uploaded", "validated", "refused", "retired"],
    validated: ["validated", "verified", "refused", "retired"],
    verified: ["verified", "ready", "validated", "refused", "retired"],
    ready: ["ready", "verified", "validated", "refused", "retired"],
    retired: ["retired", "validated"],
    refused: ["refused", "validated", "retired"],
  };
  const states = Object.keys(allowed) as ArtifactState[];
  for (const from of states) {
    it(`may become ${allowed[from].join(", ")} from ${from}, and nothing else`, () => {
      const model = withArtifact(undefined, "1", { state: from });
      for (const state of states) {
        const change = () => setState(model, { ...ref, state });
        if (allowed[from].includes(state)) {
          expect(artifactOf(change(), ref).state).toBe(state);
        } else {
          expect(change).toThrow(refused(new RegExp(`is ${from} and cannot become ${state}`)));
        }
      }
    });
  }

  it("keeps the verdict, and the reason only as long as it holds", () => {
    const model = withArtifact(undefined, "1", { state: "validated" });
    const verdict = digestFor("verdict");
    const bad = setState(model, { ...ref, state: "refused", reason: "3 ulp, 1 allowed", verdict });
    expect(artifactOf(bad, ref)).toMatchObject({ reason: "3 ulp, 1 allowed", verdict });
    const again = artifactOf(setState(bad, { ...ref, state: "validated" }), ref);
    expect(again.verdict).toBe(verdict);
    expect(again).not.toHaveProperty("reason");
  });

  it("is of one artifact: what is not there cannot be changed", () => {
    const model = withArtifact(undefined, "1");
    const other = { version: "1", digest: digestFor("x"), state: "refused" } as const;
    expect(() => setState(model, other)).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
    expect(() => setState(model, { ...other, version: "7" })).toThrow(/no version 7; there are 1/);
  });
});

describe("the first version that is ready", () => {
  it("is the production of the model, those after it are not", () => {
    const model = modelWith("3", "1", "7");
    expect(model.aliases).toEqual({ production: { version: "3" } });
    expect(model.aliasHistory).toEqual([]);
  });
});

describe("retiring", () => {
  it("takes an artifact out of service, with the reason", () => {
    const two = withArtifact(withArtifact(undefined, "1"), "1", { vendor: "nvidia" });
    const model = retire(two, ref, "slower");
    expect(artifactOf(model, ref)).toMatchObject({ state: "retired", reason: "slower" });
    expect(retire(model, ref, "again")).toBe(model);
  });

  it("refuses what is pinned, until it is unpinned", () => {
    const model = pin(withArtifact(modelWith("9"), "1"), ref, pinned);
    expect(() => retire(model, ref, "old")).toThrow(
      refused(/ada pinned it at .*"run 3 needs it".*; unpin it first/),
    );
    expect(artifactOf(retire(pin(model, ref, undefined), ref, "old"), ref).state).toBe("retired");
  });

  it("refuses the last artifact that serves a version with an alias", () => {
    const one = withArtifact(withArtifact(undefined, "1"), "1", {
      vendor: "nvidia",
      state: "validated",
    });
    expect(() => retire(one, ref, "old")).toThrow(
      refused(/last artifact that serves version 1 .* alias production points; promote another/),
    );
    const moved = setAlias(withArtifact(one, "2"), {
      alias: "production",
      version: "2",
      at: AT,
      by: "ada",
    });
    expect(artifactOf(retire(moved, ref, "old"), ref).state).toBe("retired");
  });

  it("lets go of what does not serve, whatever points there", () => {
    const one = withArtifact(withArtifact(undefined, "1"), "1", {
      vendor: "nvidia",
      state: "validated",
    });
    const idle = { version: "1", digest: digestFor("nvidia ") };
    expect(artifactOf(retire(one, idle, "old"), idle).state).toBe("retired");
  });
});

describe("removing", () => {
  const retiredSecond = (): CatalogModel =>
    withArtifact(modelWith("1"), "2", { digest: digestFor("two"), state: "retired" });
  const second = { version: "2", digest: digestFor("two") };

  it("takes the artifact off, with its version where that has no other", () => {
    expect(removeArtifact(retiredSecond(), second)).toEqual(modelWith("1"));
  });

  it("leaves nothing of a model without versions", () => {
    const model = withArtifact(undefined, "1", { state: "retired" });
    expect(removeArtifact(model, ref)).toBeUndefined();
  });

  it("refuses what is in use, pinned, or pointed at", () => {
    const first = { version: "1", digest: digestFor("cpu 1") };
    expect(() => removeArtifact(modelWith("1"), first)).toThrow(
      refused(/is ready; only what is retired or refused can be removed/),
    );
    expect(() => removeArtifact(pin(retiredSecond(), second, pinned), second)).toThrow(
      refused(/cannot be removed: ada pinned it/),
    );
    const drifted = setState(modelWith("1"), { ...first, state: "refused" });
    expect(() => removeArtifact(drifted, first)).toThrow(
      refused(/alias production .* points at version 1; promote another version or drop/),
    );
  });

  it("forgets what aliases pointed at before, where that is gone", () => {
    const moved = setAlias(modelWith("1", "2"), {
      alias: "production",
      version: "2",
      at: AT,
      by: "ada",
    });
    const first = { version: "1", digest: digestFor("cpu 1") };
    const model = removeArtifact(retire(moved, first, "old"), first);
    expect(model?.aliasHistory).toEqual([]);
  });

  it("of a whole model asks for every artifact, not for the aliases", () => {
    const first = { version: "1", digest: digestFor("cpu 1") };
    expect(() => checkModelRemovable(retiredSecond())).toThrow(refused(/is ready/));
    const drifted = setState(retiredSecond(), { ...first, state: "refused" });
    expect(() => checkModelRemovable(drifted)).not.toThrow();
    expect(() => checkModelRemovable(pin(drifted, second, pinned))).toThrow(refused(/pinned/));
  });
});
