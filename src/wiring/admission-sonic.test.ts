import { beforeEach, describe, expect, it } from "vitest";
import { aRequest, FakeCall } from "../../test/support/requests.ts";
import { VirtualClock } from "../../test/support/virtual-clock.ts";
import { ANYBODY, type Caller, DEFAULT_TENANT, type Tenant } from "../inference/caller.ts";
import type { ClientConnection } from "../inference/shared-regions.ts";
import type { IndexEntry } from "../registry/types.ts";
import { Admission } from "./admission.ts";
import { type IndexFor, indexFor } from "./admission-sonic.ts";

const cms: Tenant = { ...DEFAULT_TENANT, name: "cms", index: 1, sonic: true, models: ["cms_*"] };
const atlas: Tenant = { ...cms, name: "atlas", index: 2, models: ["*"] };
const plain: Tenant = { ...cms, name: "plain", index: 3, sonic: false };
const entry = (name: string, state: IndexEntry["state"]): IndexEntry => ({
  ...{ name, version: "1", state, reason: "" },
});
const all = [entry("cms_tag", "READY"), entry("cms_broken", "UNAVAILABLE"), entry("calo", "READY")];
const repository = (readyOnly: boolean) =>
  all.filter(({ state }) => !readyOnly || state === "READY");

class CallOf extends FakeCall {
  readonly caller: Caller;

  constructor(tenant: Tenant) {
    super();
    this.caller = { ...ANYBODY, tenant };
  }
}

let clock: VirtualClock;
let admission: Admission;
let index: IndexFor;
/** Of what waits of cms. */
let waitMs: number;

beforeEach(() => {
  clock = new VirtualClock();
  admission = new Admission({ termsOf: (tenant) => tenant, now: clock.now });
  waitMs = 0;
  index = indexFor({
    admission,
    rules: { patienceMs: 1000, startsPerSecond: 2 },
    waitMsOf: ({ name }) => (name === "cms" ? waitMs : 0),
    now: clock.now,
  });
});

const connection = (): ClientConnection => ({ gone: false, whenGone() {} });
const names = (tenant: Tenant, from: ClientConnection | undefined = connection()) =>
  index(repository, { ...ANYBODY, tenant }, from).map(({ name }) => name);
const answer = { model: "jets", version: "1", id: "", outputs: [] };

describe("the index of a CMSSW tenant", () => {
  it("has what it may use and what serves now; others see everything", () => {
    expect(names(cms)).toEqual(["cms_tag"]);
    expect(names(atlas)).toEqual(["cms_tag", "calo"]);
    expect(names(plain)).toEqual(["cms_tag", "cms_broken", "calo"]);
    expect(index(repository, undefined, undefined)).toHaveLength(3);
  });

  it("is refused to jobs that begin while its work takes too long; one that began keeps running", async () => {
    const running = connection();
    expect(names(cms, running)).toEqual(["cms_tag"]);
    const asked = Array.from({ length: 10 }, () => admission.admit(aRequest(), new CallOf(cms)));
    await clock.advance(1001);
    expect(() => names(cms)).toThrow("tenant 'cms' does not get its share now: 10 rows of it");
    expect(() => names(cms, undefined)).toThrow("does not get its share");
    expect(names(cms, running)).toEqual(["cms_tag"]);
    expect(() => admission.admit(aRequest(), new CallOf(cms)).respond(answer, true)).not.toThrow();
    expect(names(atlas)).toHaveLength(2);
    for (const call of asked) call.respond(answer, true);
    expect(names(cms)).toEqual(["cms_tag"]);
  });

  it("is given to a few a second while work piles up", async () => {
    admission.admit(aRequest(), new CallOf(cms));
    await clock.advance(600);
    const begun = Array.from({ length: 200 }, () => {
      try {
        return names(cms).length;
      } catch {
        return 0;
      }
    });
    expect(begun.filter((length) => length > 0)).toHaveLength(2);
  });

  it("is refused at once where more waits than its share can do, and nobody else's is", () => {
    waitMs = 1001;
    expect(() => names(cms)).toThrow("which take 1 s as things go");
    expect(names(atlas)).toHaveLength(2);
    waitMs = 400;
    expect(names(cms)).toEqual(["cms_tag"]);
  });

  it("does not wait for requests whose clients have gone", async () => {
    const call = new CallOf(cms);
    admission.admit(aRequest(), call);
    await clock.advance(2000);
    expect(() => names(cms)).toThrow("does not get its share");
    call.hangUp();
    expect(names(cms)).toEqual(["cms_tag"]);
  });
});
