import { describe, expect, it } from "vitest";
import { workerEnvironment } from "./worker-environment.ts";

describe("the environment of a worker", () => {
  it("has what libraries look for", () => {
    const kept = {
      ...{ PATH: "/bin", HOME: "/root", XILINX_XRT: "/opt/xrt", CUDA_VISIBLE_DEVICES: "0" },
      KEYBOARD: "us",
    };
    expect(workerEnvironment(kept)).toEqual({ ...kept, UV_THREADPOOL_SIZE: "1" });
  });

  it.each([
    "BEAMGATE_GRPC_RESTRICTED_PROTOCOLS",
    "BEARER_TOKEN",
    "BEARER_TOKEN_FILE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "REDIS_PASSWORD",
    "PGPASSWORD",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SOME_API_KEY",
    "APIKEY",
    "SIGNING_KEY",
    "SSH_KEY_FILE",
    "TRUSTED_KEYS",
    "KEY2",
    "OTEL_AUTHORIZATION",
    "NODE_OPTIONS",
  ])("has no %s", (name) => {
    expect(workerEnvironment({ [name]: "x" })).toEqual({ UV_THREADPOOL_SIZE: "1" });
  });
});
