import { expect, it } from "vitest";
import { storeFolders } from "../../../test/support/store-folder.ts";
import { judge } from "../../policy/fencing/fence.ts";
import { FolderFence } from "./folder-fence.ts";

const newFolder = storeFolders();

async function newFence() {
  const folder = newFolder();
  const fence = new FolderFence(folder);
  const identity = await fence.identity();
  return { folder, fence, identity };
}

it("knows a folder again, and no two by the same name", async () => {
  const { folder, identity } = await newFence();
  expect(await new FolderFence(folder).identity()).toBe(identity);
  expect((await newFence()).identity).not.toBe(identity);
});

it("decides as the policy does, through two eyes on the folder", async () => {
  const { folder } = await newFence();
  const fences = [new FolderFence(folder), new FolderFence(folder)];
  let newest: { counter: number; owner: string } | undefined;
  for (const [at, counter] of [3, 3, 2, 5, 4, 5, 9, 8, 7, 10, 11, 3].entries()) {
    const shown = { counter, owner: at % 3 === 0 ? "a" : "b" };
    const verdict = judge(newest, shown);
    expect(await fences[at % 2]?.pass(shown)).toBe(verdict === "pass");
    if (verdict === "pass") newest = shown;
  }
});

it("lets one of many through that show the same counter at the same time", async () => {
  const { folder } = await newFence();
  for (let counter = 1; counter <= 20; counter += 1) {
    const owners = Array.from({ length: 8 }, (_, at) => `owner-${at}`);
    const passed = await Promise.all(
      owners.map((owner) => new FolderFence(folder).pass({ counter, owner })),
    );
    expect(passed.filter(Boolean)).toHaveLength(1);
  }
});
