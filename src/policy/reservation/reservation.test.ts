import { describe, expect, it } from "vitest";
import { readReservation } from "./read-reservation.ts";
import {
  nextWithdrawal,
  type Withdrawal,
  windowAt,
  windowsAt,
  withdrawalAt,
} from "./reservation.ts";

const tenants = new Map([["training", ["train_*"]]]);
const read = (given: object) =>
  readReservation(
    { name: "weekend", tenant: "training", devices: ["gpu3/*"], ...given },
    (tenant) => tenants.get(tenant),
  );
const weekend = (given: object = {}) =>
  read({ from: "Fri 20:00", to: "Mon 06:00", zone: "Europe/Rome", ...given });
const at = (text: string) => Date.parse(text);
const told = (window: { fromMs: number; toMs: number } | undefined) =>
  window && [window.fromMs, window.toMs].map((ms) => new Date(ms).toISOString().slice(0, 16));

describe("a window of every week", () => {
  it("is the running one until it ends, then the next one", () => {
    const winter = ["2026-11-27T19:00", "2026-11-30T05:00"];
    expect(told(windowAt(weekend(), at("2026-11-24T12:00Z")))).toEqual(winter);
    expect(told(windowAt(weekend(), at("2026-11-27T19:00Z")))).toEqual(winter);
    expect(told(windowAt(weekend(), at("2026-11-30T04:59Z")))).toEqual(winter);
    const next = ["2026-12-04T19:00", "2026-12-07T05:00"];
    expect(told(windowAt(weekend(), at("2026-11-30T05:00Z")))).toEqual(next);
  });

  it("is of the clock on the wall, also where that is changed in the middle", () => {
    const spring = windowAt(weekend(), at("2026-03-28T12:00Z"));
    expect(told(spring)).toEqual(["2026-03-27T19:00", "2026-03-30T04:00"]);
    const autumn = windowAt(weekend(), at("2026-10-24T12:00Z"));
    expect(told(autumn)).toEqual(["2026-10-23T18:00", "2026-10-26T05:00"]);
  });

  it("has the whole of an hour that comes twice, and starts behind one that is left out", () => {
    const night = weekend({ from: "Sun 02:00", to: "Sun 02:30" });
    const twice = windowAt(night, at("2026-10-24T12:00Z"));
    expect(told(twice)).toEqual(["2026-10-25T00:00", "2026-10-25T01:30"]);
    const never = windowAt(
      weekend({ from: "Sun 02:30", to: "Sun 04:00" }),
      at("2026-03-28T12:00Z"),
    );
    expect(told(never)).toEqual(["2026-03-29T01:30", "2026-03-29T02:00"]);
  });

  it("may go from one year to the next, and around the week", () => {
    const change = windowAt(
      weekend({ from: "Thu 12:00", to: "Fri 12:00" }),
      at("2026-12-31T20:00Z"),
    );
    expect(told(change)).toEqual(["2026-12-31T11:00", "2027-01-01T11:00"]);
    const always = weekend({ from: "Mon 00:00", to: "Mon 00:00", zone: "UTC" });
    expect(told(windowAt(always, at("2026-11-28T00:00Z")))).toEqual([
      "2026-11-23T00:00",
      "2026-11-30T00:00",
    ]);
  });

  it("holds in zones that are not whole hours from UTC, and on the other side of the date line", () => {
    const kathmandu = weekend({ from: "Mon 00:00", to: "Mon 01:00", zone: "Asia/Kathmandu" });
    expect(told(windowAt(kathmandu, at("2026-11-28T00:00Z")))?.[0]).toBe("2026-11-29T18:15");
    const kiritimati = weekend({ from: "Sun 23:00", to: "Mon 01:00", zone: "Pacific/Kiritimati" });
    expect(told(windowAt(kiritimati, at("2026-11-29T10:00Z")))).toEqual([
      "2026-11-29T09:00",
      "2026-11-29T11:00",
    ]);
  });

  it("agrees with an hour-by-hour look at the clock on the wall, over two years", () => {
    const reservation = weekend({ lead: 0 });
    const clock = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone: "Europe/Rome", weekday: "short", hour: "numeric", hourCycle: "h23" },
    });
    const wrong: string[] = [];
    let windows: readonly Withdrawal[] = [];
    for (let hour = 0; hour < 2 * 366 * 24; hour += 1) {
      const now = at("2026-01-01T00:30Z") + hour * 3_600_000;
      const parts = clock.formatToParts(now);
      const day = parts.find(({ type }) => type === "weekday")?.value ?? "";
      const shown = Number(parts.find(({ type }) => type === "hour")?.value);
      const inside =
        ["Sat", "Sun"].includes(day) ||
        (day === "Fri" && shown >= 20) ||
        (day === "Mon" && shown < 6);
      windows = windowsAt([reservation], now, windows);
      const withdrawn = withdrawalAt(windows, "gpu3/mig-1", now) !== undefined;
      if (inside !== withdrawn) wrong.push(new Date(now).toISOString());
    }
    expect(wrong).toEqual([]);
  });
});

// A gateway looks every second: what grew with the square of the calendar stopped it.
it("a calendar is looked at in one pass over the windows that are known", () => {
  const now = at("2026-12-01T12:00Z");
  const calendar = Array.from({ length: 300 }, (_, n) => weekend({ name: `r${n}` }));
  const known = windowsAt(calendar, now);
  let reads = 0;
  const counted = new Proxy(known, {
    get(windows, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) reads += 1;
      return Reflect.get(windows, key);
    },
  });
  expect(windowsAt(calendar, now, counted)).toEqual(known);
  expect(reads).toBe(calendar.length);
});

it("reservations of the same times share one look at the zone", () => {
  const now = at("2026-12-01T12:00Z");
  const calendar = [weekend({ name: "a" }), weekend({ name: "b", to: "Mon 07:00" }), weekend()];
  const found = windowsAt(calendar, now);
  expect(found.map(({ reservation }) => reservation)).toEqual(calendar);
  expect(found.map(told)).toEqual([
    ["2026-12-04T19:00", "2026-12-07T05:00"],
    ["2026-12-04T19:00", "2026-12-07T06:00"],
    ["2026-12-04T19:00", "2026-12-07T05:00"],
  ]);
});

describe("a device", () => {
  const shift = read({
    name: "shift",
    from: "2026-12-01T08:00Z",
    to: "2026-12-01T16:00Z",
    lead: 30,
  });

  it("is withdrawn from the time at which others are drained to the end of the window", () => {
    const states = ["07:29", "07:30", "15:59", "16:00"].map((time) => {
      const now = at(`2026-12-01T${time}Z`);
      return withdrawalAt(windowsAt([shift], now), "gpu3/mig-1", now)?.reservation.name;
    });
    expect(states).toEqual([undefined, "shift", "shift", undefined]);
    const now = at("2026-12-01T12:00Z");
    expect(withdrawalAt(windowsAt([shift], now), "gpu4/mig-1", now)).toBeUndefined();
  });

  it("that several want is the first one's of the calendar, and the next window is told", () => {
    const other = { ...shift, name: "other", tenant: "cms" };
    const now = at("2026-12-01T12:00Z");
    const both = windowsAt([other, shift], now);
    expect(withdrawalAt(both, "gpu3/0", now)?.reservation.tenant).toBe("cms");
    const later = windowsAt([shift, weekend()], now);
    expect(told(nextWithdrawal(later, "gpu3/0", now))?.[0]).toBe("2026-12-04T19:00");
    expect(nextWithdrawal(both, "gpu3/0", now)).toBeUndefined();
  });
});

describe("a reservation as it is written", () => {
  it("is for the models of its tenant, or for those that it names", () => {
    expect(weekend().models).toEqual(["train_*"]);
    expect(weekend({ tenant: "slurm", models: [] }).models).toEqual([]);
    expect(weekend()).toMatchObject({ leadMs: 15 * 60_000, devices: ["gpu3/*"] });
  });

  it.each([
    [{ name: "a b" }, "'name' of a reservation: expected letters, digits"],
    [
      { tenant: "slurm" },
      "'tenant' of a reservation: expected a tenant of this gateway; for others say",
    ],
    [{ devices: [] }, "'devices' of a reservation: expected a list of names"],
    [{ zone: "Europe/Bologna" }, "'zone' of a reservation: expected one such as Europe/Rome"],
    [{ from: "Fri 25:00" }, "'from' of a reservation: expected both every week"],
    [{ to: "2026-12-04T20:00Z" }, "'to' of a reservation: expected both every week"],
    [{ from: "2026-12-04T20:00", to: "2026-12-05T20:00Z" }, "'from' of a reservation"],
    [{ from: "2027-02-28T20:00Z", to: "2027-02-30T20:00Z" }, "'to' of a reservation"],
    [
      { from: "2026-12-06T20:00Z", to: "2026-12-05T20:00Z" },
      "'to' of a reservation: expected a time after 'from'",
    ],
    [{ lead: -1 }, "'lead' of a reservation: expected minutes"],
    [{ until: 1 }, "'until' of a reservation: expected one of name, tenant"],
  ])("with %j is refused", (given, text) => {
    expect(() => weekend(given)).toThrow(text);
  });
});
