/** Nodes of several inputs. */
import type { Read } from "./common-parts.ts";

export const MERGES: Readonly<Record<string, Read>> = {
  add: (_, common) => ({ ...common.node(common.pair()), op: "add" }),
  subtract: (_, common) => ({ ...common.node(common.pair()), op: "subtract" }),
  multiply: (_, common) => ({ ...common.node(common.pair()), op: "multiply" }),
  dot: (fields, common) => {
    common.pair();
    return { ...common.node(1), op: "dot", accumType: fields.type("accum_t") };
  },
  concatenate: (_, common) => ({ ...common.node(common.total()), op: "concatenate" }),
};
