import { join } from "node:path";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../package-root.ts";
import { loadInferenceDefinition } from "./definition.ts";

/** Every message clients may send or get: `name=number:type`, `[]` repeated, a oneof's name in front. */
const MESSAGES: { readonly [message: string]: string } = {
  ServerLiveRequest: "",
  ServerLiveResponse: "live=1:bool",
  ServerReadyRequest: "",
  ServerReadyResponse: "ready=1:bool",
  ModelReadyRequest: "name=1:string, version=2:string",
  ModelReadyResponse: "ready=1:bool",
  ServerMetadataRequest: "",
  ServerMetadataResponse: "name=1:string, version=2:string, extensions=3:[]string",
  ModelMetadataRequest: "name=1:string, version=2:string",
  ModelMetadataResponse:
    "name=1:string, versions=2:[]string, platform=3:string, inputs=4:[]TensorMetadata, outputs=5:[]TensorMetadata",
  "ModelMetadataResponse.TensorMetadata": "name=1:string, datatype=2:string, shape=3:[]int64",
  InferParameter:
    "parameter_choice: bool_param=1:bool, parameter_choice: int64_param=2:int64, parameter_choice: string_param=3:string, parameter_choice: double_param=4:double, parameter_choice: uint64_param=5:uint64",
  InferTensorContents:
    "bool_contents=1:[]bool, int_contents=2:[]int32, int64_contents=3:[]int64, uint_contents=4:[]uint32, uint64_contents=5:[]uint64, fp32_contents=6:[]float, fp64_contents=7:[]double, bytes_contents=8:[]bytes",
  ModelInferRequest:
    "model_name=1:string, model_version=2:string, id=3:string, parameters=4:map<string,InferParameter>, inputs=5:[]InferInputTensor, outputs=6:[]InferRequestedOutputTensor, raw_input_contents=7:[]bytes",
  "ModelInferRequest.InferInputTensor":
    "name=1:string, datatype=2:string, shape=3:[]int64, parameters=4:map<string,InferParameter>, contents=5:InferTensorContents",
  "ModelInferRequest.InferRequestedOutputTensor":
    "name=1:string, parameters=2:map<string,InferParameter>",
  ModelInferResponse:
    "model_name=1:string, model_version=2:string, id=3:string, parameters=4:map<string,InferParameter>, outputs=5:[]InferOutputTensor, raw_output_contents=6:[]bytes",
  "ModelInferResponse.InferOutputTensor":
    "name=1:string, datatype=2:string, shape=3:[]int64, parameters=4:map<string,InferParameter>, contents=5:InferTensorContents",
  ModelStreamInferResponse: "error_message=1:string, infer_response=2:ModelInferResponse",
  ModelConfigRequest: "name=1:string, version=2:string",
  ModelConfigResponse: "config=1:ModelConfig",
  ModelStatisticsRequest: "name=1:string, version=2:string",
  StatisticDuration: "count=1:uint64, ns=2:uint64",
  InferStatistics:
    "success=1:StatisticDuration, fail=2:StatisticDuration, queue=3:StatisticDuration, compute_input=4:StatisticDuration, compute_infer=5:StatisticDuration, compute_output=6:StatisticDuration, cache_hit=7:StatisticDuration, cache_miss=8:StatisticDuration",
  InferResponseStatistics:
    "compute_infer=1:StatisticDuration, compute_output=2:StatisticDuration, success=3:StatisticDuration, fail=4:StatisticDuration, empty_response=5:StatisticDuration, cancel=6:StatisticDuration",
  InferBatchStatistics:
    "batch_size=1:uint64, compute_input=2:StatisticDuration, compute_infer=3:StatisticDuration, compute_output=4:StatisticDuration",
  MemoryUsage: "type=1:string, id=2:int64, byte_size=3:uint64",
  ModelStatistics:
    "name=1:string, version=2:string, last_inference=3:uint64, inference_count=4:uint64, execution_count=5:uint64, inference_stats=6:InferStatistics, batch_stats=7:[]InferBatchStatistics, memory_usage=8:[]MemoryUsage, response_stats=9:map<string,InferResponseStatistics>",
  ModelStatisticsResponse: "model_stats=1:[]ModelStatistics",
  ModelRepositoryParameter:
    "parameter_choice: bool_param=1:bool, parameter_choice: int64_param=2:int64, parameter_choice: string_param=3:string, parameter_choice: bytes_param=4:bytes",
  RepositoryIndexRequest: "repository_name=1:string, ready=2:bool",
  RepositoryIndexResponse: "models=1:[]ModelIndex",
  "RepositoryIndexResponse.ModelIndex":
    "name=1:string, version=2:string, state=3:string, reason=4:string",
  RepositoryModelLoadRequest:
    "repository_name=1:string, model_name=2:string, parameters=3:map<string,ModelRepositoryParameter>",
  RepositoryModelLoadResponse: "",
  RepositoryModelUnloadRequest:
    "repository_name=1:string, model_name=2:string, parameters=3:map<string,ModelRepositoryParameter>",
  RepositoryModelUnloadResponse: "",
  SystemSharedMemoryStatusRequest: "name=1:string",
  SystemSharedMemoryStatusResponse: "regions=1:map<string,RegionStatus>",
  "SystemSharedMemoryStatusResponse.RegionStatus":
    "name=1:string, key=2:string, offset=3:uint64, byte_size=4:uint64",
  SystemSharedMemoryRegisterRequest:
    "name=1:string, key=2:string, offset=3:uint64, byte_size=4:uint64",
  SystemSharedMemoryRegisterResponse: "",
  SystemSharedMemoryUnregisterRequest: "name=1:string",
  SystemSharedMemoryUnregisterResponse: "",
  CudaSharedMemoryStatusRequest: "name=1:string",
  CudaSharedMemoryStatusResponse: "regions=1:map<string,RegionStatus>",
  "CudaSharedMemoryStatusResponse.RegionStatus":
    "name=1:string, device_id=2:uint64, byte_size=3:uint64",
  CudaSharedMemoryRegisterRequest:
    "name=1:string, raw_handle=2:bytes, device_id=3:int64, byte_size=4:uint64",
  CudaSharedMemoryRegisterResponse: "",
  CudaSharedMemoryUnregisterRequest: "name=1:string",
  CudaSharedMemoryUnregisterResponse: "",
  TraceSettingRequest: "settings=1:map<string,SettingValue>, model_name=2:string",
  "TraceSettingRequest.SettingValue": "value=1:[]string",
  TraceSettingResponse: "settings=1:map<string,SettingValue>",
  "TraceSettingResponse.SettingValue": "value=1:[]string",
  LogSettingsRequest: "settings=1:map<string,SettingValue>",
  "LogSettingsRequest.SettingValue":
    "parameter_choice: bool_param=1:bool, parameter_choice: uint32_param=2:uint32, parameter_choice: string_param=3:string",
  LogSettingsResponse: "settings=1:map<string,SettingValue>",
  "LogSettingsResponse.SettingValue":
    "parameter_choice: bool_param=1:bool, parameter_choice: uint32_param=2:uint32, parameter_choice: string_param=3:string",
};

/** RPC: request > response; `~` marks a stream. */
const RPCS: { readonly [rpc: string]: string } = {
  ServerLive: "ServerLiveRequest > ServerLiveResponse",
  ServerReady: "ServerReadyRequest > ServerReadyResponse",
  ModelReady: "ModelReadyRequest > ModelReadyResponse",
  ServerMetadata: "ServerMetadataRequest > ServerMetadataResponse",
  ModelMetadata: "ModelMetadataRequest > ModelMetadataResponse",
  ModelInfer: "ModelInferRequest > ModelInferResponse",
  ModelStreamInfer: "~ModelInferRequest > ~ModelStreamInferResponse",
  ModelConfig: "ModelConfigRequest > ModelConfigResponse",
  ModelStatistics: "ModelStatisticsRequest > ModelStatisticsResponse",
  RepositoryIndex: "RepositoryIndexRequest > RepositoryIndexResponse",
  RepositoryModelLoad: "RepositoryModelLoadRequest > RepositoryModelLoadResponse",
  RepositoryModelUnload: "RepositoryModelUnloadRequest > RepositoryModelUnloadResponse",
  SystemSharedMemoryStatus: "SystemSharedMemoryStatusRequest > SystemSharedMemoryStatusResponse",
  SystemSharedMemoryRegister:
    "SystemSharedMemoryRegisterRequest > SystemSharedMemoryRegisterResponse",
  SystemSharedMemoryUnregister:
    "SystemSharedMemoryUnregisterRequest > SystemSharedMemoryUnregisterResponse",
  CudaSharedMemoryStatus: "CudaSharedMemoryStatusRequest > CudaSharedMemoryStatusResponse",
  CudaSharedMemoryRegister: "CudaSharedMemoryRegisterRequest > CudaSharedMemoryRegisterResponse",
  CudaSharedMemoryUnregister:
    "CudaSharedMemoryUnregisterRequest > CudaSharedMemoryUnregisterResponse",
  TraceSetting: "TraceSettingRequest > TraceSettingResponse",
  LogSettings: "LogSettingsRequest > LogSettingsResponse",
};

function parse(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_, target) => join(packageRoot, "proto", target);
  root.loadSync("grpc_service.proto", { keepCase: true }).resolveAll();
  return root;
}

function written(field: protobuf.Field): string {
  const type = field.resolvedType?.name ?? field.type;
  const shown =
    field instanceof protobuf.MapField
      ? `map<${field.keyType},${type}>`
      : `${field.repeated ? "[]" : ""}${type}`;
  return `${field.partOf ? `${field.partOf.name}: ` : ""}${field.name}=${field.id}:${shown}`;
}

function messagesIn(scope: protobuf.NamespaceBase, prefix = ""): [string, protobuf.Type][] {
  return scope.nestedArray.flatMap((each) => {
    if (!(each instanceof protobuf.Type)) return [];
    const name = `${prefix}${each.name}`;
    return [[name, each] as [string, protobuf.Type], ...messagesIn(each, `${name}.`)];
  });
}

const sorted = (fields: string) => fields.split(", ").toSorted().join(", ");

describe("proto/grpc_service.proto", () => {
  const root = parse();

  it.each(Object.entries(MESSAGES))("%s has Triton's names, numbers and types", (name, fields) => {
    const type = root.lookupType(`inference.${name}`);
    expect(sorted(type.fieldsArray.map(written).join(", "))).toBe(sorted(fields));
  });

  it("has no other message", () => {
    const file = root.lookupType("inference.ModelInferRequest").filename;
    const here = messagesIn(root.lookup("inference") as protobuf.Namespace).filter(
      ([, type]) => type.filename === file,
    );
    expect(here.map(([name]) => name).toSorted()).toEqual(Object.keys(MESSAGES).toSorted());
  });

  it("has the twenty RPCs and no other", () => {
    const { service } = loadInferenceDefinition();
    const { ModelInfer } = service;
    const found = Object.entries(service).map(([name, rpc]) => {
      const request = (rpc.requestType.type as { name: string }).name;
      const response = (rpc.responseType.type as { name: string }).name;
      return [
        name,
        `${rpc.requestStream ? "~" : ""}${request} > ${rpc.responseStream ? "~" : ""}${response}`,
      ];
    });
    expect(Object.fromEntries(found)).toEqual(RPCS);
    expect(found).toHaveLength(20);
    expect(ModelInfer?.path).toBe("/inference.GRPCInferenceService/ModelInfer");
  });
});
