import { describe, expect, it } from "vitest";
import { boardNames } from "./devices.ts";

describe("the name that Intel's runtime gives a board", () => {
  it.each([
    [
      "pac_a10 : Intel PAC Platform (pac_ec00000)",
      {
        id: "intel-pac_ec00000",
        platform: "pac_a10",
        description: "Intel PAC Platform (pac_ec00000)",
      },
    ],
    [
      "a10gx : Arria 10 Reference Platform (acla10_ref0)",
      {
        id: "intel-acla10_ref0",
        platform: "a10gx",
        description: "Arria 10 Reference Platform (acla10_ref0)",
      },
    ],
    [
      "something else",
      { id: "intel-3", platform: "something else", description: "something else" },
    ],
  ])("%s becomes id, platform and description", (name, expected) => {
    expect(boardNames(name, 3)).toEqual(expected);
  });
});
