import { describe, expect, it } from "vitest";
import { BackendError } from "../../contract.ts";
import { Place } from "../artifact-file/place.ts";
import { parseXml } from "./parse-xml.ts";

const parse = (text: string) => parseXml(text, new Place("xclbin", "section X"));

describe("XML of a vendor's tool", () => {
  it("gives elements and attributes, with the entities decoded", () => {
    const root = parse(
      `\ufeff<?xml version="1.0"?><!-- <a> --><r a="1 &lt; 2 > 0" b='"&#65;&#x42;&apos;'><k/>text<k n = "2"\n/>` +
        "<![CDATA[<no>]]><other></other ></r>\n",
    );
    expect(root.attribute("a")).toBe("1 < 2 > 0");
    expect(root.attribute("b")).toBe(`"AB'`);
    expect(root.attribute("c")).toBeUndefined();
    expect(root.childrenNamed("k").map((k) => k.attribute("n"))).toEqual([undefined, "2"]);
    expect(root.child("other")?.children).toEqual([]);
  });

  it("keeps references that mean nothing, and shows no control characters", () => {
    const root = parse('<r a="&unknown; &#x110000; &#7;" __proto__="x"/>');
    expect(root.attribute("a")).toBe("&unknown; &#x110000; \ufffd");
    expect(root.attribute("__proto__")).toBe("x");
    expect(root.attribute("constructor")).toBeUndefined();
  });

  it.each<[string, string, RegExp]>([
    ["nothing", "", /no element/],
    ["an open element", "<r><a>", /the text ends inside <a>/],
    ["crossed elements", "<r><a></r></a>", /end tag <\/r>, expected <\/a>/],
    ["an end without begin", "</r>", /end tag <\/r>, expected none/],
    ["two roots", "<r/><s/>", /a second root element <s>/],
    ["text behind the root", "<r/>x", /text outside the root element/],
    ["an attribute without a value", "<r a>", /'=' is missing/],
    ["a value without quotes", "<r a=1>", /a value without quotes/],
    ["a value without end", '<r a="1>', /" is missing/],
    ["a tag without end", "<r a='1'", /a name is missing/],
    ["no name", "<>", /a name is missing/],
    ["a comment without end", "<r><!-- x", /--> is missing/],
    ["a type definition", "<!DOCTYPE r []><r/>", /document type definition/],
    ["200 000 elements and more", `<r>${"<a/>".repeat(200_001)}</r>`, /more than 200000 elements/],
    ["201 elements in each other", "<a>".repeat(201), /nested beyond 200/],
    [
      "101 attributes",
      `<r ${Array.from({ length: 101 }, (_, i) => `a${i}=""`).join(" ")}/>`,
      /more than 100 attributes of <r>/,
    ],
  ])("with %s is refused, saying where", (_what, text, reason) => {
    expect(() => parse(text)).toThrow(BackendError);
    expect(() => parse(text)).toThrow(reason);
    expect(() => parse(text)).toThrow(/section X: .*near character \d+ of \d+/);
  });
});
