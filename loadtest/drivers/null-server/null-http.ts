/** The null server over HTTP: every request gets the same binary answer. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { NullServer } from "./null-server.ts";

export async function startNullHttp(
  host = "127.0.0.1",
  port = 0,
): Promise<Omit<NullServer, "served">> {
  const tensor = Buffer.alloc(4);
  tensor.writeFloatLE(0.5);
  const header = Buffer.from(
    JSON.stringify({
      model_name: "null",
      model_version: "1",
      outputs: [
        {
          ...{ name: "score", datatype: "FP32", shape: [1, 1] },
          parameters: { binary_data_size: tensor.length },
        },
      ],
    }),
  );
  const body = Buffer.concat([header, tensor]);
  const headers = {
    "content-type": "application/octet-stream",
    "inference-header-content-length": header.length,
    "content-length": body.length,
  };
  const server = createServer((request, response) => {
    request.once("end", () => response.writeHead(200, headers).end(body));
    request.resume();
  }).listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
