/** Casts computed with the vendors' own C++ types: `shared/data/fixed_point`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../src/package-root.ts";
import type { FixedPointType } from "../../contract.ts";
import { quantizerOf } from "./convert.ts";

const folder = join(packageRoot, "..", "shared", "data", "fixed_point");

describe.skipIf(!existsSync(folder))(`golden casts (skipped without ${folder})`, () => {
  it.each([
    ["ap_fixed", 29_400],
    ["ac_fixed", 26_880],
  ])("agree with every row of %s (%d)", (family, count) => {
    const text = gunzipSync(readFileSync(join(folder, `${family}_cast.csv.gz`))).toString();
    const [header, ...rows] = text.trim().split("\n");
    expect(header).toBe("W,I,S,Q,O,value,raw");
    const wrong = rows.filter((row) => {
      const [w, i, s, q, o, value, raw] = row.replaceAll("AC_", "").split(",");
      const type = { w: Number(w), i: Number(i), signed: s === "1", q, o } as FixedPointType;
      return quantizerOf(type)(Number(value)) !== Number(raw);
    });
    expect(wrong).toEqual([]);
    expect(rows).toHaveLength(count);
  });
});
