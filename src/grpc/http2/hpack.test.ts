import { describe, expect, it } from "vitest";
import type { HeaderField } from "./header-table.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { encodeHeaders } from "./hpack-encoder.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = [];
  const visit = ({ name, value }: HeaderField) => fields.push(`${name}: ${value}`);
  decoder.decode(block, 0, block.length, visit);
  return fields;
}

const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const second = [...first, "cache-control: no-cache"];
const third = [
  ":method: GET",
  ":scheme: https",
  ":path: /index.html",
  ":authority: www.example.com",
  "custom-key: custom-value",
];

describe("the examples of RFC 7541, appendix C", () => {
  it.each([["0a 6375 7374 6f6d 2d6b 6579 0d 6375 7374 6f6d 2d68 6561 6465 72", "40"]])(
    "C.2.1: a literal that is indexed",
    (rest, kind) => {
      const decoder = new HpackDecoder();
      expect(decode(decoder, hex(`${kind} ${rest}`))).toEqual(["custom-key: custom-header"]);
      expect(decode(decoder, hex("be"))).toEqual(["custom-key: custom-header"]);
    },
  );

  it("C.2.2 to C.2.4: a literal that is not indexed, one that never is, an indexed field", () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex("040c 2f73 616d 706c 652f 7061 7468"))).toEqual([
      ":path: /sample/path",
    ]);
    expect(decode(decoder, hex("1008 7061 7373 776f 7264 0673 6563 7265 74"))).toEqual([
      "password: secret",
    ]);
    expect(decode(decoder, hex("82"))).toEqual([":method: GET"]);
    expect(() => decode(decoder, hex("be"))).toThrow(/in neither table/);
  });

  it("C.3: requests without Huffman code", () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d"))).toEqual(
      first,
    );
    expect(decode(decoder, hex("8286 84be 5808 6e6f 2d63 6163 6865"))).toEqual(second);
    const block = "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65";
    expect(decode(decoder, hex(block))).toEqual(third);
  });

  it("C.4: requests with Huffman code", () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"))).toEqual(first);
    expect(decode(decoder, hex("8286 84be 5886 a8eb 1064 9cbf"))).toEqual(second);
    const block = "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf";
    expect(decode(decoder, hex(block))).toEqual(third);
  });

  it("C.6.1: a response with Huffman code", () => {
    const block =
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    expect(decode(new HpackDecoder(), hex(block))).toEqual([
      ":status: 302",
      "cache-control: private",
      "date: Mon, 21 Oct 2013 20:13:21 GMT",
      "location: https://www.example.com",
    ]);
  });
});

describe("a malformed block", () => {
  it.each([
    ["an index of zero", "80"],
    ["an index beyond both tables", "ff80 01"],
    ["a number that never ends", "ffff ffff ffff ffff"],
    ["a string that breaks off", "400a 6375"],
    ["a literal without a value", "4001 61"],
    ["a table larger than we offered", "3fe2 1f"],
    ["a table size after a field", "8220"],
    ["Huffman padding of zeroes", "0001 6181 00"],
    ["Huffman padding of more than seven bits", "0001 6182 1fff"],
    ["the end of the string within it", "0001 6184 ffff ffff"],
  ])("%s is refused", (_name, block) => {
    expect(() => decode(new HpackDecoder(), hex(block))).toThrow();
  });
});

describe("the table of a connection", () => {
  it("forgets its oldest entries when it is full, and all of them at size zero", () => {
    const decoder = new HpackDecoder();
    const add = (name: string) => {
      const value = Buffer.alloc(120, "v");
      return decode(
        decoder,
        Buffer.concat([Buffer.from([0x40, 1]), Buffer.from(name), Buffer.from([120]), value]),
      );
    };
    // Each entry counts 153 bytes: 26 of them fit.
    for (const name of "abcdefghijklmnopqrstuvwxyz0") add(name);
    expect(decode(decoder, hex("be"))[0]?.slice(0, 2)).toBe("0:");
    expect(decode(decoder, hex(`${(0x80 + 61 + 26).toString(16)}`))[0]?.slice(0, 2)).toBe("b:");
    expect(() => decode(decoder, hex(`${(0x80 + 61 + 27).toString(16)}`))).toThrow();
    decode(decoder, hex("20"));
    expect(() => decode(decoder, hex("be"))).toThrow();
  });
});

describe("what we encode", () => {
  it("is read back as it was, pseudo-headers first", () => {
    const block = encodeHeaders({
      "grpc-message": "a".repeat(5_000),
      "x-many": ["1", "2"],
      "x-none": undefined,
      "x-broken": "a\r\nb",
      ":status": 200,
      "content-type": "application/grpc",
    });
    expect(decode(new HpackDecoder(), block)).toEqual([
      ":status: 200",
      `grpc-message: ${"a".repeat(5_000)}`,
      "x-many: 1",
      "x-many: 2",
      "x-broken: a??b",
      "content-type: application/grpc",
    ]);
  });
});
