/** `node main.js GUIDE PATH_FOLDER...`: runs one guide and says what it did; for the suites that are not Node's. */
import { runGuide } from "./run-guide.ts";

const LIMIT_MS = 300_000;
const [name = "", ...path] = process.argv.slice(2);
const { PYTHONPATH } = process.env;
try {
  const { ran, compared } = await runGuide({
    ...{ name, path, limitMs: LIMIT_MS },
    env: PYTHONPATH === undefined ? {} : { PYTHONPATH },
  });
  process.stdout.write(`${ran} blocks, ${compared} outputs\n`);
} catch (error) {
  process.stderr.write(`${name}.md, ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
