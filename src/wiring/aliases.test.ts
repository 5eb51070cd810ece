import { describe, expect, it } from "vitest";
import { aSignature, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import type { Parameter, WireRequest } from "../inference/request.ts";
import type { SequenceRules } from "../inference/sequence-rules.ts";
import type { ServedModel } from "../registry/types.ts";
import type { Served } from "../scheduling/served.ts";
import { Aliases } from "./aliases.ts";

/** Versions 1 (production) and 2 (candidate) of `jets`. */
function rollingOut({ weight = 0.5, sequences = false } = {}) {
  const troubles = new Map<string, string>();
  const production = { version: "1" };
  const gone = new Set<string>();
  const version = (version: string): ServedModel<Served> => {
    const sequence = sequences ? ({ maxIdleMs: 1000 } as SequenceRules) : undefined;
    const definition = { version, signature: aSignature(), ...(sequence && { sequence }) };
    const loaded = { trouble: troubles.get(version) };
    return { definition, loaded } as unknown as ServedModel<Served>;
  };
  const aliases = new Aliases({
    resolve: (_, named) => version(named || production.version),
    serving: (_, named) => (gone.has(named) ? undefined : version(named)),
    alias: (_, alias) => (alias === "candidate" ? "2" : production.version),
    clock: new VirtualClock(),
  });
  const registered = { production, candidate: { version: "2", weight } };
  aliases.follow("jets", { versions: [], aliases: registered });
  const ask = (given: Partial<WireRequest> = {}) => {
    const wire = { model: "jets", version: "", id: "", parameters: undefined, inputs: [] };
    const request = { ...wire, outputs: [], dataError: undefined, ...given };
    return aliases.route(request, new FakeCall()).definition.version;
  };
  const share = (given: Partial<WireRequest> = {}) =>
    Array.from({ length: 1000 }, () => ask(given)).filter((each) => each === "2").length;
  return { aliases, ask, share, troubles, production, gone };
}

const parameters = (entries: Readonly<Record<string, Parameter>>) =>
  new Map(Object.entries(entries));

describe("a request without a version", () => {
  it("goes to the candidate for its share, and to production else", () => {
    expect(rollingOut({ weight: 0.25 }).share()).toBe(250);
    expect(rollingOut({ weight: 0 }).share()).toBe(0);
    expect(rollingOut({ weight: 1 }).share()).toBe(1000);
  });

  it("goes to production while the candidate does not serve, or cannot", () => {
    const { share, troubles, gone } = rollingOut({ weight: 1 });
    troubles.set("2", "its worker does not come back");
    expect(share()).toBe(0);
    troubles.clear();
    gone.add("2");
    expect(share()).toBe(0);
  });

  it("goes to production where it insists on something", () => {
    const wish = parameters({ beamgate_vendor: { type: "string", value: "intel" } });
    expect(rollingOut({ weight: 1 }).share({ parameters: wish })).toBe(0);
  });

  it("of a model that has no aliases any more goes where it went", () => {
    const { aliases, share } = rollingOut({ weight: 1 });
    aliases.follow("jets", undefined);
    expect(share()).toBe(0);
  });

  it("and a new weight change places at once", () => {
    const { aliases, share } = rollingOut({ weight: 0 });
    const candidate = { version: "2", weight: 0.1 };
    aliases.follow("jets", { versions: [], aliases: { candidate } });
    expect(share()).toBe(100);
  });
});

describe("a request that names a version", () => {
  it("gets that one", () => {
    const { share, ask } = rollingOut({ weight: 1 });
    expect(share({ version: "1" })).toBe(0);
    expect(ask({ version: "2" })).toBe("2");
  });
});

describe("a sequence", () => {
  const of = (id: number, more: Readonly<Record<string, Parameter>> = {}) => ({
    parameters: parameters({ sequence_id: { type: "int64", value: id }, ...more }),
  });
  const start = { sequence_start: { type: "bool", value: true } } as const;

  it("stays with the version that it began with, whatever becomes production", () => {
    const { ask, production } = rollingOut({ weight: 0, sequences: true });
    expect(ask(of(1, start))).toBe("1");
    production.version = "2";
    expect(ask(of(2, start))).toBe("2");
    expect(ask(of(1))).toBe("1");
    expect(ask(of(2))).toBe("2");
  });

  it("counts once for the candidate's share", () => {
    const { ask } = rollingOut({ weight: 0.5, sequences: true });
    const versions = Array.from({ length: 200 }, (_, id) => ask(of(id + 1, start)));
    const later = Array.from({ length: 200 }, (_, id) => ask(of(id + 1)));
    expect(later).toEqual(versions);
    expect(new Set(versions)).toEqual(new Set(["1", "2"]));
  });

  it("whose version is gone gets production, which says that it knows it not", () => {
    const { ask, gone } = rollingOut({ weight: 1, sequences: true });
    expect(ask(of(1, start))).toBe("2");
    gone.add("2");
    expect(ask(of(1))).toBe("1");
  });
});
