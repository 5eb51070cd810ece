/** One load test in a process of its own: started, heard, stopped. It ends with this process, however that ends. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type {
  FromAttended,
  LoadLook,
  Outcome,
  ToAttended,
} from "../../../loadtest/attended/words.ts";
import type { Clock } from "../../clock.ts";
import { packageRoot } from "../../package-root.ts";

const ENTRY = join(packageRoot, "dist", "loadtest", "attended", "main.js");
const MOST_LINES = 20;
const LONGEST_LINE = 300;
/** Whoever was told to stop and does not is ended, ms. */
const STOP_MS = 30_000;
/** Of the environment: no secrets of the gateway. */
const PASSED = ["PATH", "HOME", "TMPDIR", "TZ", "LANG"];

export interface AttendedEnd {
  /** undefined: it ended without a word. */
  readonly code: number | undefined;
  readonly outcome?: Outcome | undefined;
  /** The last that it said. */
  readonly said: readonly string[];
}

export class Attendant {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #looks = new Map<string, LoadLook>();
  readonly #said: string[] = [];
  #over: Extract<FromAttended, { kind: "over" }> | undefined;
  #forgetLimit: () => void;

  /** Resolves when the process is gone. Does not reject. */
  readonly ended: Promise<AttendedEnd>;

  /** @param longestMs it is ended then, whatever it does */
  constructor(order: Extract<ToAttended, { kind: "run" }>, longestMs: number, clock: Clock) {
    this.#clock = clock;
    this.#child = fork(ENTRY, [], {
      execArgv: [],
      env: Object.fromEntries(PASSED.map((name) => [name, process.env[name]])),
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child.on("message", (message: FromAttended) => this.#take(message));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#say(text));
    this.ended = new Promise((resolve) => {
      const over = () => {
        this.#forgetLimit();
        resolve({ code: this.#over?.code, outcome: this.#over?.outcome, said: this.said });
      };
      this.#child.once("error", (error) => {
        this.#say(error.message);
        over();
      });
      this.#child.once("close", over);
    });
    this.#forgetLimit = clock.after(longestMs, () => {
      this.#say("it took too long and was ended");
      this.kill();
    });
    this.#tell(order);
  }

  get looks(): readonly LoadLook[] {
    return [...this.#looks.values()];
  }

  get said(): readonly string[] {
    return this.#said;
  }

  /** What was measured until now is reported. */
  stop(): void {
    this.#tell({ kind: "stop" });
    this.#forgetLimit();
    this.#forgetLimit = this.#clock.after(STOP_MS, () => this.kill());
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #tell(message: ToAttended): void {
    // Where it is gone, its end says so.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #take(message: FromAttended): void {
    if (message.kind === "look") this.#looks.set(message.look.label, message.look);
    else if (message.kind === "said") this.#say(message.text);
    else this.#over = message;
  }

  #say(text: string): void {
    for (const line of text.split("\n")) {
      if (line.trim() === "") continue;
      this.#said.push(line.slice(0, LONGEST_LINE));
      if (this.#said.length > MOST_LINES) this.#said.shift();
    }
  }
}
