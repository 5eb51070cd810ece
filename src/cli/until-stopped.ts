/**
 * A server's life as the operating system sees it: the first SIGTERM or SIGINT
 * ends it gracefully, the second at once, and an error that nobody foresaw with
 * a line in the log.
 */
import { constants } from "node:os";
import type { Logger } from "../logger.ts";
import { Exit } from "./io.ts";

export interface Server {
  /** Resolves when it serves. */
  run(): Promise<void>;
  /** Called at most once, possibly while `run` is under way. */
  stop(): Promise<void>;
  /** Resolves with the reason when it should be stopped as by a signal. */
  readonly over?: Promise<string>;
}

export interface Ending {
  readonly exitCode: number;
  /** Why it did not start. */
  readonly error?: unknown;
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;
/** What a stop may need beyond the requests in flight, to end workers and close files. */
const MARGIN_MS = 5000;

/**
 * @param create runs under the watch already: a signal during it is not lost.
 * @param graceMs what `stop` may take for requests in flight.
 */
export function untilStopped(
  create: () => Promise<Server>,
  graceMs: number,
  log: Logger,
): Promise<Ending> {
  return new Promise((resolve) => {
    let stopping = false;
    let patience: NodeJS.Timeout | undefined;
    const creating = create();

    const end = (ending: Ending) => {
      clearTimeout(patience);
      for (const signal of SIGNALS) process.off(signal, onSignal);
      process.off("uncaughtException", onUncaught);
      resolve(ending);
    };
    const stop = async () => {
      await (await creating).stop();
      log.info("stopped");
      end({ exitCode: Exit.ok });
    };
    const onSignal = (signal: (typeof SIGNALS)[number]) => {
      if (stopping) {
        log.warn(`${signal} again: ending at once`);
        end({ exitCode: 128 + constants.signals[signal] });
        return;
      }
      begin(signal);
    };
    const begin = (reason: string) => {
      stopping = true;
      log.info(`${reason}: finishing requests in flight for up to ${graceMs / 1000} s`);
      patience = setTimeout(() => {
        log.error("did not stop in time: ending at once");
        end({ exitCode: Exit.failed });
      }, graceMs + MARGIN_MS);
      stop().catch((error: unknown) => {
        log.error("failed to stop", { error });
        end({ exitCode: Exit.failed });
      });
    };
    const onUncaught = (error: unknown) => {
      log.error("unforeseen error: ending", { error });
      end({ exitCode: Exit.failed });
    };

    for (const signal of SIGNALS) process.on(signal, onSignal);
    process.on("uncaughtException", onUncaught);
    creating
      .then(async (server) => {
        void server.over?.then((reason) => {
          if (!stopping) begin(reason);
        });
        await server.run();
      })
      .catch((error: unknown) => {
        if (!stopping) end({ exitCode: Exit.failed, error });
      });
  });
}
