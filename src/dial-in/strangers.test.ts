import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { MOST_OF_A_NETWORK, MOST_STRANGERS, networkOf, Strangers } from "./strangers.ts";

let port = 0;
const from = (address: string) => {
  const socket = new EventEmitter() as Socket & { destroyed: boolean };
  const destroy = () => {
    socket.destroyed = true;
    socket.emit("close");
    return socket;
  };
  return Object.assign(socket, { remoteAddress: address, remotePort: ++port, destroy });
};
const many = (count: number, address: string) => Array.from({ length: count }, () => from(address));
const gone = (sockets: readonly { destroyed: boolean }[]) =>
  sockets.filter(({ destroyed }) => destroyed).length;

describe("strangers", () => {
  it("of one network take a part of the room, whatever they do", () => {
    const strangers = new Strangers();
    const quiet = from("192.0.2.1");
    strangers.meet(quiet);
    const flood = many(1_000, "198.51.100.7");
    for (const one of flood) strangers.meet(one);
    expect(gone(flood)).toBe(1_000 - MOST_OF_A_NETWORK);
    expect(gone(flood.slice(-MOST_OF_A_NETWORK))).toBe(0);
    expect([gone([quiet]), strangers.count]).toEqual([0, MOST_OF_A_NETWORK + 1]);
  });

  it("of several that are too many lose the oldest of the network that has most", () => {
    const strangers = new Strangers();
    const few = many(20, "192.0.2.1");
    for (const one of few) strangers.meet(one);
    const floods = ["198.51.100.7", "198.51.100.8", "198.51.100.9"].map((at) => many(200, at));
    for (let turn = 0; turn < 200; turn += 1) {
      for (const flood of floods) strangers.meet(flood[turn] ?? from("nowhere"));
    }
    expect([gone(few), strangers.count]).toEqual([0, MOST_STRANGERS]);
    const left = floods.map((flood) => 200 - gone(flood));
    expect(Math.max(...left) - Math.min(...left)).toBeLessThanOrEqual(2);
  });

  it("are none any more once they are recognised, or have gone", () => {
    const strangers = new Strangers();
    const [one, other] = [from("192.0.2.1"), from("192.0.2.1")];
    strangers.meet(one);
    strangers.meet(other);
    strangers.recognise(one);
    other.destroy();
    expect(strangers.count).toBe(0);
    one.destroy();
    expect(strangers.count).toBe(0);
  });
});

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
  ["2001:db8:0:1::5", "2001:db8:0:1::/64"],
  ["2001:0DB8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("the network of '%s' is '%s'", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
