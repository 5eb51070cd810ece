/** An ExportTraceServiceRequest in protobuf, read as a collector reads it. */
import protobuf from "protobufjs";

/** What this gateway sends of `opentelemetry/proto/trace/v1/trace.proto` and what it imports, in one file. */
const OTLP = `
syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Scope { string name = 1; string version = 2; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
  int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Event events = 11; Status status = 15; fixed32 flags = 16;
}
message Event { fixed64 time_unix_nano = 1; string name = 2; }
message Status { string message = 2; int32 code = 3; }
`;
const Request = protobuf.parse(OTLP).root.lookupType("Request");

/** Its spans, with ids in hex digits, and who sent them. */
export function readTraceMessage(bytes: Uint8Array) {
  const read = Request.toObject(Request.decode(bytes), { longs: String, arrays: true });
  const [resourceSpans] = read["resourceSpans"];
  const [scopeSpans] = resourceSpans.scopeSpans;
  for (const span of scopeSpans.spans) {
    for (const id of ["traceId", "spanId", "parentSpanId"]) {
      if (span[id] !== undefined) span[id] = Buffer.from(span[id]).toString("hex");
    }
  }
  return { resource: resourceSpans.resource, ...scopeSpans };
}
