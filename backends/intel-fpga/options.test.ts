import { describe, expect, it } from "vitest";
import { readOptions } from "./options.ts";

describe("options of intel-fpga", () => {
  it("may be missing: no emulated boards", () => {
    for (const none of [undefined, null, {}]) {
      expect(readOptions(none)).toEqual({ emulatedBoards: 0 });
    }
  });

  it("say how many boards are emulated, and where binaries are kept", () => {
    const options = { emulated: { boards: 16 }, cacheFolder: "/var/cache/boards" };
    expect(readOptions(options)).toEqual({ emulatedBoards: 16, cacheFolder: "/var/cache/boards" });
  });

  it.each([
    [{ emulated: { boards: 0 } }, "options.emulated.boards: 0 is not a whole number of 1 to 16"],
    [{ emulated: { boards: 17 } }, "options.emulated.boards: 17 is not"],
    [{ emulated: { boards: 1.5 } }, "options.emulated.boards: 1.5 is not"],
    [{ emulated: { boards: "2" } }, 'options.emulated.boards: "2" is not'],
    [{ emulated: {} }, "options.emulated.boards: undefined is not"],
    [{ emulated: 2 }, "options.emulated: 2 is not an object"],
    [{ emulated: null }, "options.emulated: null is not an object"],
    [
      { emulated: { boards: 1, cards: 2 } },
      "options.emulated.cards: no such option; there are: boards",
    ],
    [{ boards: 1 }, "options.boards: no such option; there are: emulated, cacheFolder"],
    [{ cacheFolder: "" }, 'options.cacheFolder: "" is not the path of a folder'],
    [{ cacheFolder: 7 }, "options.cacheFolder: 7 is not the path of a folder"],
    [[], "options: [] is not an object"],
    ["boards", 'options: "boards" is not an object'],
  ])("%j are refused with the key and the reason", (given, reason) => {
    expect(() => readOptions(given)).toThrow(`intel-fpga: ${reason}`);
  });
});
