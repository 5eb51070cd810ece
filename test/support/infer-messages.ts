/**
 * ModelInfer's messages as protobufjs knows them, written down a second time on
 * purpose: a wrong number in `proto/` or in the gateway's own codec shows here.
 * Numbers as in Triton's grpc_service.proto.
 */
import protobuf from "protobufjs";

const parameter = {
  oneofs: { parameterChoice: { oneof: ["boolParam", "int64Param", "stringParam"] } },
  fields: {
    boolParam: { type: "bool", id: 1 },
    int64Param: { type: "int64", id: 2 },
    stringParam: { type: "string", id: 3 },
  },
};
const tensor = {
  fields: {
    name: { type: "string", id: 1 },
    datatype: { type: "string", id: 2 },
    shape: { rule: "repeated", type: "int64", id: 3 },
  },
};

const parameters: protobuf.IMapField = { keyType: "string", type: "Parameter", id: 4 };

const root = protobuf.Root.fromJSON({
  nested: {
    Parameter: parameter,
    Tensor: tensor,
    Named: { fields: { name: { type: "string", id: 1 } } },
    Request: {
      fields: {
        modelName: { type: "string", id: 1 },
        modelVersion: { type: "string", id: 2 },
        id: { type: "string", id: 3 },
        parameters,
        inputs: { rule: "repeated", type: "Tensor", id: 5 },
        outputs: { rule: "repeated", type: "Named", id: 6 },
        rawInputContents: { rule: "repeated", type: "bytes", id: 7 },
      },
    },
    Response: {
      fields: {
        modelName: { type: "string", id: 1 },
        modelVersion: { type: "string", id: 2 },
        id: { type: "string", id: 3 },
        parameters,
        outputs: { rule: "repeated", type: "Tensor", id: 5 },
        rawOutputContents: { rule: "repeated", type: "bytes", id: 6 },
      },
    },
  },
});
const Request = root.lookupType("Request");
const Response = root.lookupType("Response");

export interface InputTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

export interface InferQuestion {
  readonly model: string;
  readonly version?: string;
  readonly id?: string;
  /** Parameters with texts as values. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly inputs: readonly InputTensor[];
  /** Asks that no other request shares the batch. */
  readonly reproducible?: boolean;
  /** Asks a decoupled model for an answer without outputs after its last. */
  readonly emptyFinal?: boolean;
}

export interface InferAnswer {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  /** Those that are texts. */
  readonly texts: ReadonlyMap<string, string>;
  readonly outputs: ReadonlyMap<string, Uint8Array>;
}

export function encodeQuestion(question: InferQuestion): Buffer {
  const message = Request.fromObject({
    modelName: question.model,
    modelVersion: question.version ?? "",
    id: question.id ?? "",
    parameters: {
      ...Object.fromEntries(
        Object.entries(question.texts ?? {}).map(([key, stringParam]) => [key, { stringParam }]),
      ),
      ...(question.reproducible && { reproducible: { boolParam: true } }),
      ...(question.emptyFinal && { triton_enable_empty_final_response: { boolParam: true } }),
    },
    inputs: question.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
    rawInputContents: question.inputs.map(({ data }) => data),
  });
  return Buffer.from(Request.encode(message).finish());
}

export function decodeAnswer(bytes: Uint8Array): InferAnswer {
  const answer = Response.toObject(Response.decode(bytes), { defaults: true }) as {
    modelName: string;
    modelVersion: string;
    id: string;
    parameters: Readonly<Record<string, { stringParam?: string }>>;
    outputs: { name: string }[];
    rawOutputContents: Uint8Array[];
  };
  const outputs = new Map<string, Uint8Array>();
  answer.outputs.forEach((output, index) => {
    outputs.set(output.name, answer.rawOutputContents[index] ?? new Uint8Array(0));
  });
  const texts = new Map(
    Object.entries(answer.parameters).flatMap(([key, { stringParam }]) =>
      stringParam === undefined ? [] : [[key, stringParam] as const],
    ),
  );
  const { modelName: model, modelVersion: version, id } = answer;
  return { model, version, id, texts, outputs };
}
