/** Control questions by gRPC, on a connection of their own. */
import { join } from "node:path";
import protobuf from "protobufjs";
import { packageRoot } from "../../../src/package-root.ts";
import { RawConnection } from "../raw-http2/connection.ts";
import type { Header } from "../raw-http2/hpack.ts";
import type { Address } from "../raw-http2/open-socket.ts";
import { RequestBody } from "../raw-http2/request-template.ts";
import { readableError } from "../readable-error.ts";
import { type Control, ControlError, ifKnown, type ModelFacts } from "./control.ts";
import { instancesOf, type ModelConfigAnswer } from "./model-config.ts";
import { readStatistics, type StatisticsAnswer } from "./statistics.ts";

/** A load may take minutes: a board is programmed, a network compiled. */
const PATIENCE_MS = { load: 600_000, other: 10_000 };

const PROTO = join(packageRoot, "proto", "grpc_service.proto");
/** Read once, by the first who asks. */
let root: protobuf.Root | undefined;

interface MetadataAnswer {
  readonly name?: string;
  readonly versions?: readonly string[];
  readonly platform?: string;
  readonly inputs?: ModelFacts["inputs"];
  readonly outputs?: ModelFacts["outputs"];
}

export class GrpcControl implements Control {
  readonly #address: Address;
  readonly #headers: readonly Header[];

  constructor(address: Address, headers: readonly Header[]) {
    this.#address = address;
    this.#headers = headers;
  }

  async server() {
    const { name, version, extensions } = (await this.#ask("ServerMetadata", {})) as {
      readonly name?: string;
      readonly version?: string;
      readonly extensions?: readonly string[];
    };
    return { name: name ?? "", version: version ?? "", extensions: extensions ?? [] };
  }

  async model(name: string, version: string): Promise<ModelFacts> {
    const metadata = (await this.#ask("ModelMetadata", { name, version })) as MetadataAnswer;
    const answer = (await ifKnown(this.#ask("ModelConfig", { name, version }))) as
      | ModelConfigAnswer
      | undefined;
    return {
      name: metadata.name ?? name,
      versions: metadata.versions ?? [],
      platform: metadata.platform ?? "",
      inputs: (metadata.inputs ?? []).map(withNumbers),
      outputs: (metadata.outputs ?? []).map(withNumbers),
      maxBatchSize: answer === undefined ? undefined : Number(answer.config?.max_batch_size ?? 0),
      instances: instancesOf(answer?.config),
    };
  }

  async statistics(name: string, version: string) {
    const answer = await ifKnown(this.#ask("ModelStatistics", { name, version }));
    return answer === undefined ? undefined : readStatistics(answer as StatisticsAnswer);
  }

  async load(model: string): Promise<void> {
    await this.#ask("RepositoryModelLoad", { model_name: model });
  }

  async unload(model: string): Promise<void> {
    await this.#ask("RepositoryModelUnload", { model_name: model });
  }

  close(): void {}

  async #ask(method: string, question: object): Promise<object> {
    root ??= new protobuf.Root().loadSync(PROTO, { keepCase: true });
    const Request = root.lookupType(`inference.${method}Request`);
    const Response = root.lookupType(`inference.${method}Response`);
    const { host, port } = this.#address;
    const head = {
      authority: `${host}:${port}`,
      path: `/inference.GRPCInferenceService/${method}`,
      headers: this.#headers,
    };
    const message = Request.encode(Request.fromObject(question)).finish();
    let tell: (error: string | undefined, answer: Buffer | undefined) => void = () => undefined;
    const answered = new Promise<Buffer>((resolve, reject) => {
      tell = (error, answer) => {
        if (error === undefined) resolve(answer ?? Buffer.alloc(0));
        else reject(new ControlError(kindOf(error), `${method}: ${readableError(error)}`));
      };
    });
    const connection = await RawConnection.open(
      { address: this.#address, head, keepMessages: true },
      {
        answered: (_token, _bytes, error, answer) => tell(error, answer),
        ended: (reason) => tell(reason, undefined),
      },
    );
    const patienceMs = method.startsWith("Repository") ? PATIENCE_MS.load : PATIENCE_MS.other;
    const late = setTimeout(
      () => tell(`no answer within ${patienceMs / 1000} s`, undefined),
      patienceMs,
    );
    connection.send(new RequestBody(message), 0);
    connection.flush();
    try {
      const message = Response.decode(await answered);
      return Response.toObject(message, { longs: Number });
    } finally {
      clearTimeout(late);
      connection.close();
    }
  }
}

function kindOf(error: string): ControlError["kind"] {
  const [, status] = /^grpc-status (\d+):/.exec(error) ?? [];
  if (status === "12") return "unimplemented";
  return status === undefined || status === "14" ? "unavailable" : "refused";
}

function withNumbers({ name, datatype, shape }: ModelFacts["inputs"][number]) {
  return { name: name ?? "", datatype: datatype ?? "", shape: (shape ?? []).map(Number) };
}
