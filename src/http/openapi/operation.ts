/** One operation of the OpenAPI document, as short as it can be said. */

export interface Operation {
  readonly tag: string;
  readonly summary: string;
  /** Name of the schema of the body, or `bytes`; `?` behind it: there may be none. */
  readonly body?: string;
  /** Content of the answer; absent: no content. */
  readonly answer?: Content;
  /** What may stand behind the `?`: its words by name. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Row = readonly [
  method: "get" | "head" | "post" | "patch" | "delete",
  path: string,
  operation: Operation,
];

/** By media type: the name of a schema, or `bytes` or `text`. */
export type Content = Readonly<Record<string, string>>;

export const json = (schema: string): Content => ({ "application/json": schema });
export const BINARY: Content = { "application/octet-stream": "bytes" };
export const EVENTS: Content = { "text/event-stream": "text" };
/** A JSON object a line. */
export const lines = (schema: string): Content => ({ "application/x-ndjson": schema });
