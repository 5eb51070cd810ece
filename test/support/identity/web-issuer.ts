/** An issuer of tokens with a web server of its own on loopback, over HTTPS: as good, slow or wicked as a test wants. */
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TestAuthority } from "./authority.ts";
import { type Asked, TestIssuer } from "./issuer.ts";

export type Mood =
  | "well"
  /** Connections are cut. */
  | "gone"
  /** A byte every now and then. */
  | "slow"
  /** Without an end. */
  | "huge"
  /** Sends to another place, where the keys are. */
  | "elsewhere"
  | "no JSON";

export class WebIssuer {
  readonly url: string;
  mood: Mood = "well";
  /** Ids of the keys that it tells. */
  told: readonly string[] = ["one"];
  /** Laid over the discovery document. */
  document: Readonly<Record<string, unknown>> = {};
  /** Paths in the order in which they were asked for. */
  readonly asked: string[] = [];
  readonly #tokens: TestIssuer;
  readonly #stop: () => void;

  private constructor(url: string, tokens: TestIssuer, stop: () => void) {
    this.url = url;
    this.#tokens = tokens;
    this.#stop = stop;
  }

  static async start(authority: TestAuthority): Promise<WebIssuer> {
    const { cert, key } = authority.server();
    const server = createServer({ cert, key });
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      if (issuer.mood === "gone") socket.destroy();
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}/cms/`;
    const tokens = await TestIssuer.create(url, { one: "ES256", two: "ES256", three: "RS256" });
    const issuer = new WebIssuer(url, tokens, () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.on("request", ({ url: path = "" }, response: ServerResponse) => {
      issuer.asked.push(path);
      void issuer.#answer(path, response);
    });
    return issuer;
  }

  /** Of its first key, unless another is asked for; `aud` is `gate`. */
  token(asked: Asked = {}): Promise<string> {
    const claims = { aud: "gate", ...asked.claims };
    return this.#tokens.token(Math.floor(Date.now() / 1000), { ...asked, claims });
  }

  stop(): void {
    this.#stop();
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined);
    const piece = path.endsWith("/jwk") ? await this.#tokens.jwks(this.told) : this.#discovery();
    switch (this.mood) {
      case "elsewhere":
        if (path.endsWith("/moved/jwk")) break;
        response.writeHead(302, { location: `${this.url}moved/jwk` }).end();
        return;
      case "huge": {
        const filler = Buffer.alloc(64 * 1024, " ");
        const more = () => {
          while (!response.destroyed && response.write(filler));
        };
        response.on("drain", more);
        more();
        return;
      }
      case "slow": {
        const drip = setInterval(() => response.write(" "), 200);
        response.on("close", () => clearInterval(drip));
        return;
      }
      case "no JSON":
        response.end("<html>be right back</html>");
        return;
    }
    response.setHeader("content-type", "application/json");
    response.end(piece);
  }

  #discovery(): string {
    return JSON.stringify({ issuer: this.url, jwks_uri: `${this.url}jwk`, ...this.document });
  }
}
