/** A generator as a process of its own, forked by the runner. */
import { GeneratorHost } from "./host.ts";
import type { FromGenerator, ToGenerator } from "./order.ts";

const host = new GeneratorHost((message: FromGenerator) => void process.send?.(message));
process.on("message", (message: ToGenerator) => void host.take(message));
// The runner is gone, however it went: so is the load.
process.on("disconnect", () => process.exit(0));
// Ctrl-C in a terminal reaches every process of it; the runner ends the run in order.
process.on("SIGINT", () => undefined);
