/**
 * Answers in the place of a board that has ended, until XRT hangs up: no image is taken,
 * nothing is read, and a compute unit that somebody waits for is done. Whoever waits gets free, and finds
 * in the board's failure file that nothing of it is true.
 *
 * Argument: the call that was pending. Standard input: XRT's socket.
 */
import { Socket } from "node:net";
import { API, acknowledge, bytesReply, isLast, type Reply, wordReply } from "./calls.ts";
import { AP_DONE, AP_IDLE } from "./compute-unit.ts";
import { RequestReader, replyFrame } from "./frames.ts";

const socket = new Socket({ fd: 0, readable: true, writable: true });
const reader = new RequestReader();

socket.on("error", () => process.exit(0));
socket.on("close", () => process.exit(0));
socket.on("data", (piece) => {
  reader.room.set(piece);
  const request = reader.took(piece.byteLength);
  if (request !== undefined) send(request.api, isLast(request));
});
send(Number(process.argv[2]), false);

function send(api: number, last: boolean): void {
  socket.write(replyFrame(no(api)), () => {
    if (last) process.exit(0);
  });
}

function no(api: number): Reply {
  switch (api) {
    case API.readMemory:
      return bytesReply(new Uint8Array());
    case API.readControl:
    case API.readRegister:
      return wordReply(AP_DONE | AP_IDLE);
    case API.loadBitstream:
      return acknowledge(false);
    default:
      // XRT's scheduler aborts the process where a register cannot be written.
      return acknowledge(true);
  }
}
