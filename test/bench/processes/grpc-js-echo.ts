/** The control of the unary benches: grpc-js' server gives back the bytes it got. Prints its port. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { print } from "./print.ts";

const asIs = (bytes: Buffer) => bytes;

const server = new Server({
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
});
server.addService(
  {
    ModelInfer: {
      path: "/inference.GRPCInferenceService/ModelInfer",
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  },
  {
    ModelInfer(call: { request: Buffer }, answer: (error: null, bytes: Buffer) => void) {
      answer(null, call.request);
    },
  },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  print({ port });
});
