import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Worker processes run built files: this builds them once, before any test. */
const globalSetup = [fileURLToPath(new URL("./support/build.ts", import.meta.url))];

/** Vitest leaves a core free; of two, both are wanted: a story waits for half of its time. */
const maxWorkers = Math.max(2, availableParallelism() - 1);
const together = { maxWorkers, sequence: { groupOrder: 0 } };
/** Whole gateways, once single files are known to work. */
const afterwards = { maxWorkers, sequence: { groupOrder: 1 } };

/** Nothing is proven by being quick: these end what hangs, on a slow and busy machine, too. */
const patience = {
  testTimeout: 60_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 20_000 } },
};

export default defineConfig({
  root,
  test: {
    globalSetup,
    projects: [
      {
        test: {
          name: "unit",
          root,
          include: ["src/**/*.test.ts", "loadtest/**/*.test.ts", "models/**/*.test.ts"],
          ...patience,
          ...together,
        },
      },
      {
        test: {
          name: "backends",
          root,
          include: ["backends/**/*.test.ts"],
          ...patience,
          ...together,
        },
      },
      {
        test: {
          name: "stories",
          root,
          include: [
            "test/*.test.ts",
            "test/{arm64,chaos,stories,wire,fuzz,bench,support}/**/*.test.ts",
          ],
          ...patience,
          ...afterwards,
        },
      },
      {
        test: {
          name: "edges",
          root,
          include: ["test/wire/*.test.ts"],
          env: { WIRE_EDGES: "2" },
          ...patience,
          ...afterwards,
        },
      },
    ],
  },
});
