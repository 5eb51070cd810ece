/** HTTP/2 frames made by hand, for what no HTTP/2 library lets a client say. */
import { connect, type Socket } from "node:net";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export const Frame = {
  DATA: 0,
  HEADERS: 1,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  CONTINUATION: 9,
} as const;

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** HPACK: every field a literal that is not indexed. */
function headerBlock(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}

/** Opens a gRPC call and leaves it open. */
export function openCall(streamId: number, path = "/test.Tested/Echo"): Buffer {
  const block = headerBlock({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": "test",
    "content-type": "application/grpc",
    te: "trailers",
  });
  return frame(Frame.HEADERS, 4, streamId, block);
}

export interface RawConnection {
  readonly socket: Socket;
  /** What the server sent, frame by frame: type and payload. */
  readonly heard: { readonly type: number; readonly payload: Buffer }[];
  readonly closed: () => boolean;
}

/** Connects, says the preface and empty SETTINGS. */
export function rawConnection(port: number, first: Uint8Array = greeting()): RawConnection {
  const heard: { type: number; payload: Buffer }[] = [];
  let closed = false;
  let rest = Buffer.alloc(0);
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      heard.push({ type: rest[3] ?? 0, payload: rest.subarray(9, end) });
      rest = rest.subarray(end);
    }
  });
  socket.write(first);
  return { socket, heard, closed: () => closed };
}

export const greeting = (): Buffer =>
  Buffer.concat([Buffer.from(PREFACE), frame(Frame.SETTINGS, 0, 0, Buffer.alloc(0))]);
