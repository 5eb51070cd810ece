/**
 * Clients that connect and then say nothing: `idle-clients.js PORT KIND COUNT PER_SECOND`. KIND is `grpc` (HTTP/2's
 * preface and settings), `http` (one request, kept alive) or `grpc-tls`. Says when all are there, and stays until its
 * standard input ends.
 */
import { connect, type Socket } from "node:net";
import { argv, exit, stdin } from "node:process";
import { connect as connectTls } from "node:tls";
import { print } from "./print.ts";

const [port = 0, , count = 0, perSecond = 0] = argv.slice(2).map(Number);
const kind = argv[3] ?? "grpc";
/** How often connections are opened: each time as many as are due. */
const TICK_MS = 5;

const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const SETTINGS_ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
const HELLO = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), SETTINGS]);
const REQUEST = "GET /v2/health/live HTTP/1.1\r\nHost: gateway\r\n\r\n";

const held: Socket[] = [];
let begun = 0;
let opened = 0;
let failed = 0;
const start = performance.now();

function open(): void {
  const to = { host: "127.0.0.1", port };
  const socket =
    kind === "grpc-tls"
      ? connectTls({ ...to, rejectUnauthorized: false, ALPNProtocols: ["h2"] })
      : connect(to);
  const isHttp = kind === "http";
  socket.once(kind === "grpc-tls" ? "secureConnect" : "connect", () => {
    socket.write(isHttp ? REQUEST : HELLO);
  });
  let isDone = false;
  socket.once("data", () => {
    if (!isHttp) socket.write(SETTINGS_ACK);
    if (!isDone) opened += 1;
    isDone = true;
    tell();
  });
  const over = () => {
    if (isDone) return;
    isDone = true;
    failed += 1;
    tell();
  };
  socket.on("error", over);
  socket.on("close", over);
  socket.resume();
  held.push(socket);
}

/** Once, when each has been answered or has failed. */
function tell(): void {
  if (opened + failed !== count) return;
  print({ event: "open", opened, failed, seconds: (performance.now() - start) / 1000 });
}

const opening = setInterval(() => {
  const due = Math.min(count, Math.ceil(((performance.now() - start) / 1000) * perSecond));
  while (begun < due) {
    begun += 1;
    open();
  }
  if (begun === count) clearInterval(opening);
}, TICK_MS);

stdin.resume().once("end", () => exit(0));
