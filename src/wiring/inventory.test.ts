import { describe, expect, it } from "vitest";
import type { DeviceSensors } from "../../backends/contract.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { Inventory } from "./inventory.ts";

const SECOND = 1_000;
const reading = (powerW: number): readonly DeviceSensors[] => [
  { id: "gpu-0", source: "nvml", powerW },
];

function asked() {
  const clock = new VirtualClock();
  const answers: ((sensors: readonly DeviceSensors[]) => void)[] = [];
  const fleet = {
    devices: async () => [],
    sensors: () => new Promise<readonly DeviceSensors[]>((resolve) => answers.push(resolve)),
  };
  const inventory = new Inventory(fleet, clock, () => {});
  /** What whoever asks now is told, and after how many seconds. */
  const told = async () => {
    const begun = clock.now();
    let found: { readonly after: number; readonly powerW: number | undefined } | undefined;
    void inventory.sensorsOf("cuda").then(([first]) => {
      found = { after: (clock.now() - begun) / SECOND, powerW: first?.powerW };
    });
    while (found === undefined) await clock.advance(SECOND / 2);
    return found;
  };
  return { clock, answers, told };
}

describe("sensors that do not answer", () => {
  it("are waited for a while, once, and asked no second time", async () => {
    const { clock, answers, told } = asked();
    expect(await told()).toEqual({ after: 3, powerW: undefined });
    await clock.advance(60 * SECOND);
    expect((await told()).after).toBeLessThan(1);
    expect(answers).toHaveLength(1);
  });

  it("are asked again once they have answered, however late", async () => {
    const { clock, answers, told } = asked();
    await told();
    await clock.advance(60 * SECOND);
    answers[0]?.(reading(70));
    await clock.advance(SECOND);
    const next = told();
    await clock.advance(0);
    answers[1]?.(reading(71));
    expect(await next).toMatchObject({ powerW: 71 });
  });

  it("are told of as they were, for a minute", async () => {
    const { clock, answers, told } = asked();
    const first = told();
    answers[0]?.(reading(70));
    expect((await first).powerW).toBe(70);
    await clock.advance(20 * SECOND);
    expect(await told()).toEqual({ after: 3, powerW: 70 });
  });
});

describe("a kind of backend that says nothing", () => {
  /** How often it has been asked after somebody looked every ten seconds for so many minutes. */
  async function askedWithin(
    minutes: number,
    { answers, clock, told }: ReturnType<typeof asked>,
    answerOf: (nth: number) => readonly DeviceSensors[],
  ) {
    for (let tenth = 0; tenth < 6 * minutes; tenth += 1) {
      const known = answers.length;
      const one = told();
      for (const answer of answers.slice(known)) answer(answerOf(answers.length));
      await one;
      await clock.advance(10 * SECOND);
    }
    return answers.length;
  }

  it("is asked again after ten minutes only", async () => {
    const setUp = asked();
    expect(await askedWithin(9, setUp, () => [])).toBe(1);
    expect(await askedWithin(10, setUp, () => [])).toBe(2);
  });

  it("is asked as others are where it once said something", async () => {
    expect(await askedWithin(1, asked(), (nth) => (nth === 1 ? reading(70) : []))).toBe(6);
  });
});

it("asks a kind again soon that could not be asked", async () => {
  const clock = new VirtualClock();
  let times = 0;
  const fleet = {
    devices: async () => [],
    async sensors(): Promise<never> {
      times += 1;
      throw new Error("no bus");
    },
  };
  const inventory = new Inventory(fleet, clock, () => {});
  expect(await inventory.sensorsOf("cuda")).toEqual([]);
  await clock.advance(10 * SECOND);
  expect(await inventory.sensorsOf("cuda")).toEqual([]);
  expect(times).toBe(2);
});
