/** grpc.health.v1 and server reflection on our transport, asked by a grpc-js client. */
import { join } from "node:path";
import {
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { afterEach, describe, expect, it } from "vitest";
import { addHealth, loadHealthPackage } from "../../src/grpc/health.ts";
import { addReflection } from "../../src/grpc/reflection.ts";
import { GrpcServer } from "../../src/grpc/transport/server.ts";
import { packageRoot } from "../../src/package-root.ts";
import { serverOptions } from "./transport-service.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Tree {
  readonly [name: string]: Tree & ServiceClientConstructor;
}

async function start() {
  const server = new GrpcServer(serverOptions());
  closers.push(() => server.stop());
  let ready = false;
  const listeners = new Set<() => void>();
  addHealth(server, {
    ready: () => ready,
    subscribe(changed) {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
  });
  addReflection(server, [loadHealthPackage()]);
  const { port } = await server.listen();
  const setReady = (now: boolean) => {
    ready = now;
    for (const changed of listeners) changed();
  };
  return { server, port, setReady, listeners };
}

function clientFor<T>(port: number, packages: Tree, path: readonly string[]): T {
  let node: Tree | undefined = packages;
  for (const name of path) node = node?.[name];
  const Service = node as unknown as ServiceClientConstructor;
  const client = new Service(`127.0.0.1:${port}`, credentials.createInsecure());
  closers.push(() => (client as unknown as Client).close());
  return client as unknown as T;
}

interface Status {
  readonly status: string;
}
interface Stream<T> {
  on(event: "data", listener: (message: T) => void): void;
  on(event: "error", listener: (error: { readonly code: number }) => void): void;
  write(message: object): void;
  end(): void;
  cancel(): void;
}
interface HealthClient {
  Check(request: object, done: (error: unknown, answer: Status) => void): void;
  Watch(request: object): Stream<Status>;
}

const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 5_000 && !holds(); i++) await new Promise((wake) => setTimeout(wake, 5));
  expect(holds()).toBe(true);
};

describe("health", () => {
  const packages = loadPackageDefinition(loadHealthPackage()) as unknown as Tree;
  const clientOf = (port: number) =>
    clientFor<HealthClient>(port, packages, ["grpc", "health", "v1", "Health"]);

  it("is what the server says, whatever service is asked for", async () => {
    const { port, setReady } = await start();
    const check = (service: string) =>
      new Promise((resolve) => clientOf(port).Check({ service }, (_, answer) => resolve(answer)));
    expect(await check("")).toEqual({ status: "NOT_SERVING" });
    setReady(true);
    expect(await check("")).toEqual({ status: "SERVING" });
    expect(await check("inference.GRPCInferenceService")).toEqual({ status: "SERVING" });
  });

  it("is told to who watches, at once and at every change", async () => {
    const { port, setReady, listeners } = await start();
    const seen: string[] = [];
    const watch = clientOf(port).Watch({ service: "any" });
    watch.on("data", ({ status }) => seen.push(status));
    watch.on("error", () => {});
    await until(() => seen.length === 1);
    setReady(true);
    setReady(true);
    await until(() => seen.length === 2);
    setReady(false);
    await until(() => seen.length === 3);
    expect(seen).toEqual(["NOT_SERVING", "SERVING", "NOT_SERVING"]);
    watch.cancel();
    await until(() => listeners.size === 0);
  });

  it("watchers do not hold up a drain: they learn that the server leaves", async () => {
    const { server, port, listeners } = await start();
    const watch = clientOf(port).Watch({});
    const ended = new Promise<number>((resolve) => watch.on("error", ({ code }) => resolve(code)));
    await new Promise<void>((resolve) => watch.on("data", () => resolve()));
    await server.drain();
    expect(await ended).toBe(14);
    await until(() => listeners.size === 0 && server.stats().connections === 0);
  });
});

interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

describe.each(["v1", "v1alpha"])("reflection %s", (version) => {
  const proto = `node_modules/@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`;
  const packages = loadPackageDefinition(loadSync(join(packageRoot, proto))) as unknown as Tree;

  it("lists the services and hands out their descriptors", async () => {
    const { port } = await start();
    const path = ["grpc", "reflection", version, "ServerReflection"];
    const client = clientFor<{ ServerReflectionInfo(): Stream<ReflectionAnswer> }>(
      port,
      packages,
      path,
    );
    const answers: ReflectionAnswer[] = [];
    const call = client.ServerReflectionInfo();
    call.on("data", (answer) => answers.push(answer));
    call.write({ listServices: "" });
    call.write({ fileContainingSymbol: "grpc.health.v1.Health" });
    call.end();
    await until(() => answers.length === 2);
    const names = answers[0]?.listServicesResponse?.service.map(({ name }) => name);
    expect(names).toContain("grpc.health.v1.Health");
    const [file] = answers[1]?.fileDescriptorResponse?.fileDescriptorProto ?? [];
    expect(file?.toString("latin1")).toContain("HealthCheckResponse");
  });
});
