/** One generator, told by messages what to do: the inside of a generator process. */
import { constants, setPriority } from "node:os";
import type { Driver } from "../../drivers/driver.ts";
import { encodeHttpRequest } from "../../drivers/http-message.ts";
import { RelayDriver } from "../../drivers/relay.ts";
import { planOf } from "../plan.ts";
import { ClosedHttpGenerator } from "./closed-http.ts";
import { EventLog } from "./event-log.ts";
import { Generator, type GeneratorOptions, type LoadSource } from "./generator.ts";
import { makeDriver } from "./make-driver.ts";
import type { AnswersOrder, FromGenerator, GeneratorOrder, ToGenerator } from "./order.ts";
import { Origins } from "./origins.ts";
import { scoresOf } from "./scores.ts";

/** autocannon sends these in turn; it copies them for every connection. */
const AUTOCANNON_REQUESTS = 16;

const ORIGIN_EVERY = 16;

export class GeneratorHost {
  readonly #say: (message: FromGenerator) => void;
  #driver: Driver | undefined;
  #source: LoadSource | undefined;
  #log: EventLog | undefined;
  readonly #origins = new Origins();

  constructor(say: (message: FromGenerator) => void) {
    this.#say = say;
  }

  async take(message: ToGenerator): Promise<void> {
    try {
      await this.#do(message);
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      this.#say({ kind: "failed", message: text });
    }
  }

  close(): void {
    this.#driver?.close();
  }

  async #do(message: ToGenerator): Promise<void> {
    switch (message.kind) {
      case "prepare":
        await this.#prepare(message.order);
        this.#say({ kind: "ready" });
        return;
      case "start": {
        const begin = message.at - performance.timeOrigin;
        const wait = begin - performance.now();
        setTimeout(() => this.#source?.start(begin), Math.max(0, wait));
        return;
      }
      case "snapshot": {
        const source = this.#started();
        this.#say({
          kind: "snapshot",
          snapshot: source.snapshot(),
          exhausted: source.exhausted,
        });
        return;
      }
      case "stop": {
        const source = this.#started();
        const ending = await source.stop(message.patienceMs);
        this.#say({
          kind: "over",
          over: {
            ending,
            snapshot: source.snapshot(),
            reconnects: this.#driver?.reconnects ?? 0,
            events: this.#log?.columns(),
            origins: this.#origins.counts(),
            firstStage: this.#firstStage(),
          },
        });
        this.close();
      }
    }
  }

  #firstStage(): string | undefined {
    return this.#driver instanceof RelayDriver ? this.#driver.firstStage.encode() : undefined;
  }

  #started(): LoadSource {
    if (this.#source === undefined) throw new Error("nothing is prepared");
    return this.#source;
  }

  async #prepare(order: GeneratorOrder): Promise<void> {
    const now = () => performance.now();
    const { answers, loop } = order;
    const { tls } = order.address;
    if (
      order.driver === "http" &&
      // autocannon takes any certificate of a server: a token would go to whoever answers.
      (tls === undefined || tls.insecure === true) &&
      loop.kind === "closed" &&
      answers === undefined &&
      order.relay === undefined
    ) {
      const requests = order.plan.pool.slice(0, AUTOCANNON_REQUESTS);
      const bytes = requests.map(({ request }) => encodeHttpRequest(request, order.binary).body);
      this.#source = new ClosedHttpGenerator(
        {
          ...{ address: order.address, identities: order.identities, binary: order.binary },
          requests: requests.map(({ request }) => request),
          concurrency: loop.concurrency,
        },
        mean(requests.map(({ rows }) => rows)),
        mean(bytes.map(({ length }) => length)),
        now,
      );
      return;
    }
    let generator: Generator | undefined;
    const driver = makeDriver(
      order,
      {
        answered: (slot, bytes, error, answer) => generator?.answered(slot, bytes, error, answer),
        room: () => generator?.room(),
      },
      (response) => this.#origins.add(response.parameters),
    );
    this.#driver = driver;
    const options: GeneratorOptions = {
      ...{ loop, now, lateAfterMs: order.lateAfterMs, mostInFlight: order.mostInFlight },
      ...(answers === undefined ? {} : this.#looking(answers, driver)),
    };
    if (loop.kind === "open" && loop.pacing === "nap") preferOwnProcess();
    generator = new Generator(driver, planOf(order.plan, driver), options);
    this.#source = generator;
    await driver.open();
  }

  #looking(answers: AnswersOrder, driver: Driver): Pick<GeneratorOptions, "scoresOf" | "log"> {
    const log =
      answers.output !== undefined || answers.each === true
        ? new EventLog(answers.most)
        : undefined;
    this.#log = log;
    if (answers.output === undefined) {
      // Who answered changes seldom: one answer in some tells it.
      let seen = 0;
      return {
        ...(log === undefined ? {} : { log }),
        scoresOf: (answer) => {
          if (seen++ % ORIGIN_EVERY === 0) this.#origins.add(driver.read(answer).parameters);
          return undefined;
        },
      };
    }
    return {
      ...(log === undefined ? {} : { log }),
      scoresOf: (answer, rows) => {
        const response = driver.read(answer);
        this.#origins.add(response.parameters);
        return scoresOf(response, answers, rows);
      },
    };
  }
}

/** An open loop is mostly asleep; where the system lets it, it is woken before others. */
function preferOwnProcess(): void {
  try {
    setPriority(constants.priority.PRIORITY_ABOVE_NORMAL);
  } catch {
    // Only some users may; late sends are counted in any case.
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
