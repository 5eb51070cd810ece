import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  bodies,
  type Ends,
  raw,
  rawClient,
  serveDirectly,
  until,
} from "../../../test/support/direct-lane.ts";
import { TestIssuer } from "../../../test/support/identity/issuer.ts";
import { temporaryFolder } from "../../../test/support/identity/tenants-gateway.ts";
import { ByteBudget } from "../../inference/byte-budget.ts";
import { joinPieces, NO_BYTES } from "../../inference/pieces.ts";
import { silent } from "../../logger.ts";
import { Gatekeeper } from "../../tenants/gatekeeper.ts";

const folder = temporaryFolder();
const ends: Ends = [];
const EXPERIMENTS = ["cms", "atlas", "lhcb"] as const;
type Experiment = (typeof EXPERIMENTS)[number];
let issuer: TestIssuer;
let keeper: Gatekeeper;
/** The issuer's keys come when this is called. */
let tellKeys: (told?: string) => void;
let asked = 0;

beforeAll(async () => {
  issuer = await TestIssuer.create("https://auth.example/", { one: "ES256" });
  const rules = EXPERIMENTS.map(
    (name) => `  - { issuer: iam, group: /${name}, tenant: ${name}, roles: [infer] }`,
  );
  writeFileSync(
    join(folder.path, "tenants.yaml"),
    `tenants: { cms: {}, atlas: {}, lhcb: {} }
issuers: { iam: { url: "https://auth.example/", profile: wlcg, audiences: [gate], jwksUri: "https://auth.example/jwk" } }
identities:
${rules.join("\n")}
`,
  );
});
beforeEach(async () => {
  asked = 0;
  const keys = new Promise<string>((resolve) => {
    tellKeys = (told) => void (told === undefined ? issuer.jwks().then(resolve) : resolve(told));
  });
  keeper = new Gatekeeper({
    path: join(folder.path, "tenants.yaml"),
    listeners: [],
    log: silent,
    fetchText: () => {
      asked++;
      return keys;
    },
  });
  await keeper.start();
});
afterEach(async () => {
  tellKeys();
  for (const end of ends.splice(0)) await end();
  await keeper.stop();
});
afterAll(() => folder.remove());

const token = (experiment: string, sub = "physicist") =>
  issuer.token(Math.floor(Date.now() / 1000), {
    claims: { aud: "gate", "wlcg.groups": [`/${experiment}`], sub },
  });
const bearer = (written: string) => `Authorization: Bearer ${written}\r\n`;

async function serve(answerAtOnce = true) {
  const served = await serveDirectly(
    ends,
    answerAtOnce,
    new ByteBudget(2 ** 20),
    undefined,
    keeper,
  );
  const tenants = () => served.asked.map(({ call }) => call.caller?.tenant.name);
  return { ...served, tenants, connect: () => rawClient(ends, served.server) };
}

describe("a token that comes for the first time", () => {
  it("holds its request, and what comes behind it, until it is verified", async () => {
    const { connect, asked: begun, budget, tenants, atNode } = await serve();
    const { socket, got } = await connect();
    const first = raw("first", bearer(await token("cms")));
    // Its body, and another request, arrive while nobody knows yet who sends them.
    socket.write(first.slice(0, -3));
    await until(() => expect(asked).toBe(1));
    socket.write(first.slice(-3));
    socket.write(raw("second", bearer(await token("atlas"))));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect([begun.length, got(), budget.usedBytes]).toEqual([0, "", 0]);
    tellKeys();
    await until(() => expect(bodies(got())).toEqual(["first", "second"]));
    expect([tenants(), atNode, budget.usedBytes]).toEqual([["cms", "atlas"], [], 0]);
  });

  it("whose keys cannot be had goes to Node, which has words for it", async () => {
    const { connect, asked: begun, atNode } = await serve();
    const { socket } = await connect();
    socket.write(raw("x", bearer(await token("cms"))));
    await until(() => expect(asked).toBe(1));
    tellKeys("no JSON");
    await until(() => expect(atNode).toEqual(["POST x"]));
    expect(begun).toEqual([]);
  });

  it.each([
    ["is answered", undefined],
    ["is refused", "no JSON"],
  ])("%s once although the gateway is being stopped meanwhile", async (_what, keys) => {
    const { connect, atNode, drain } = await serve();
    const { socket, got } = await connect();
    socket.write(raw("late", bearer(await token("cms"))));
    await until(() => expect(asked).toBe(1));
    drain();
    tellKeys(keys);
    await until(() => expect(got()).toContain("200 OK"));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(atNode).toEqual(["POST late"]);
    socket.write("GET /more HTTP/1.1\r\nHost: x\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(atNode.length).toBeLessThanOrEqual(2);
  });

  it("is of no use to a client that has gone", async () => {
    const { connect, asked: begun, atNode, lane } = await serve();
    const { socket } = await connect();
    socket.write(raw("x", bearer(await token("cms"))));
    await until(() => expect(asked).toBe(1));
    socket.resetAndDestroy();
    // Paused, the lane sees the end only when it writes or the system says so.
    tellKeys();
    await until(() => expect(lane.inFlight()).toEqual([]));
    const other = await connect();
    other.socket.write(raw("y", bearer(await token("cms"))));
    await until(() => expect(bodies(other.got())).toEqual(["y"]));
    expect(begun.length).toBeLessThanOrEqual(2);
    expect(atNode).toEqual([]);
  });
});

describe("a connection that brings several tokens", () => {
  it("gives each request its own, whatever order and pieces they come in", async () => {
    tellKeys();
    const { connect, asked: begun, atNode } = await serve();
    // Some are known by the time they come again, others never were.
    const known = new Map<Experiment, string>();
    for (const name of EXPERIMENTS) known.set(name, await token(name));
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const sent = await Promise.all(
      Array.from({ length: 6 }, async (_, at) => {
        const { socket, got } = await connect();
        const wanted: string[] = [];
        let text = "";
        for (let n = 0; n < 40; n++) {
          const name = EXPERIMENTS[random(3)] ?? "cms";
          const shown = random(4) === 0 ? await token(name, `${at}-${n}`) : (known.get(name) ?? "");
          const body = `${name}-${at}-${n}`;
          wanted.push(body);
          text += raw(body, bearer(shown));
        }
        for (let from = 0; from < text.length; ) {
          const piece = 1 + random(3_000);
          socket.write(text.slice(from, from + piece));
          from += piece;
          if (random(3) === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        await until(() => expect(bodies(got()).length).toBe(40));
        expect(bodies(got())).toEqual(wanted);
        return wanted;
      }),
    );
    expect(begun.length).toBe(sent.flat().length);
    for (const { wire, call } of begun) {
      const said = Buffer.from(joinPieces(wire.inputs[0]?.data ?? NO_BYTES)).toString();
      expect(`${call.caller?.tenant.name}-`).toBe(said.slice(0, said.indexOf("-") + 1));
    }
    expect(atNode).toEqual([]);
  });

  it("is Node's from a wrong one on, when those before it are answered", async () => {
    tellKeys();
    const { connect, asked: begun, tenants, atNode } = await serve(false);
    const { socket, got } = await connect();
    const good = bearer(await token("cms"));
    const wrong = bearer(`${(await token("atlas")).slice(0, -5)}AAAAA`);
    socket.write(raw("one", good) + raw("two", good));
    await until(() => expect(tenants()).toEqual(["cms", "cms"]));
    socket.write(raw("wrong", wrong) + raw("three", good));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(atNode).toEqual([]);
    for (const one of begun)
      one.call.respond({ model: "m", version: "1", id: "", outputs: [] }, true);
    await until(() => expect(atNode.slice(0, 1)).toEqual(["POST wrong"]));
    expect(got().match(/200 OK/g)?.length).toBeGreaterThanOrEqual(2);
    expect(begun.length).toBe(2);
  });

  it.each([
    ["without a token", ""],
    ["with an empty one", "Authorization: \r\n"],
    ["with two", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"],
    ["with another scheme", "Authorization: Basic dTpw\r\n"],
  ])("lends its last caller to no request %s", async (_what, header) => {
    tellKeys();
    const { connect, tenants, atNode } = await serve();
    const { socket, got } = await connect();
    socket.write(raw("mine", bearer(await token("cms"))));
    await until(() => expect(bodies(got())).toEqual(["mine"]));
    socket.write(raw("whose", header));
    await until(() => expect(atNode).toEqual(["POST whose"]));
    expect(tenants()).toEqual(["cms"]);
  });
});
