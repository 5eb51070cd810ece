import { describe, expect, it } from "vitest";
import { datatypeOfConfig, elementSizeBytes, isDatatype, protocolName } from "./datatypes.ts";

describe("datatypes", () => {
  it.each([
    ["TYPE_BOOL", "BOOL", 1],
    ["TYPE_UINT8", "UINT8", 1],
    ["TYPE_UINT16", "UINT16", 2],
    ["TYPE_UINT32", "UINT32", 4],
    ["TYPE_UINT64", "UINT64", 8],
    ["TYPE_INT8", "INT8", 1],
    ["TYPE_INT16", "INT16", 2],
    ["TYPE_INT32", "INT32", 4],
    ["TYPE_INT64", "INT64", 8],
    ["TYPE_FP16", "FP16", 2],
    ["TYPE_FP32", "FP32", 4],
    ["TYPE_FP64", "FP64", 8],
    ["TYPE_STRING", "BYTES", 0],
    ["TYPE_BF16", "BF16", 2],
  ])("%s is %s of %d bytes", (configType, datatype, size) => {
    expect(datatypeOfConfig(configType)).toBe(datatype);
    expect(elementSizeBytes(datatype)).toBe(size);
    expect(protocolName(datatype)).toBe(datatype);
  });

  it.each(["", "STRING", "TYPE_FP32", "fp32", "constructor"])("%j is none", (name) => {
    expect(isDatatype(name)).toBe(false);
    expect(protocolName(name)).toBe("<invalid>");
  });

  it("TYPE_INVALID is none", () => {
    expect(datatypeOfConfig("TYPE_INVALID")).toBeUndefined();
  });
});
