/** The fault matrix: thirty faults, the figure that each must reach, and the cases and tests that show it. */
import type { Fault } from "./fault.ts";

export const FAULTS: readonly Fault[] = [
  {
    id: "F1",
    what: "a worker is killed under 32 clients",
    goal: "0 errors of ≥ 10 000; added p99 ≤ a service time + 50 ms; respawn ≤ 1 s",
    proofs: [{ part: "kill", cases: /./ }],
  },
  {
    id: "F2",
    what: "a worker is stopped (SIGSTOP), a kernel never ends",
    goal: "found within max(3 p99, 250 ms); none later than its deadline + 20 ms; other models' p99 ≤ 1.2 ×",
    proofs: [{ part: "boards", cases: /never says that it is done/ }],
  },
  {
    id: "F4",
    what: "an artifact with a flipped bit, cut off, for another platform, under a wrong name",
    goal: "100 % of 1 000 mutants refused or harmless; 0 failed requests",
    proofs: [
      { file: "src/registry/registration/mutants.test.ts", tests: /./ },
      { file: "backends/common/onnxruntime/mutants.test.ts", tests: /./ },
      { file: "src/registry/registration/refusals.test.ts", tests: /./ },
    ],
  },
  {
    id: "F5",
    what: "model folders half written, renamed, deleted under load",
    goal: "0 failed of ≥ 10 000 in 100 reloads",
    proofs: [
      { part: "swaps", cases: /./ },
      { part: "gateway-swaps", cases: /./ },
      { file: "src/registry/repository.test.ts", tests: /^poll mode/ },
    ],
  },
  {
    id: "F6",
    what: "a full disk; no file descriptors",
    goal: "0 inference errors; uploads refused, nothing half; back without a restart",
    proofs: [
      { part: "full-disk", cases: /./ },
      { file: "src/telemetry/line-sink.test.ts", tests: /full disk/ },
    ],
  },
  {
    id: "F7",
    what: "Redis down, hung, emptied, failed over, full",
    goal: "0 errors; back ≤ 2 s; overshoot ≤ a slice a gateway; 0 double owners in 10 000 pauses",
    proofs: [
      { part: "redis", cases: /./ },
      { file: "src/shared-state/quota-slices.test.ts", tests: /./ },
    ],
  },
  {
    id: "F8",
    what: "a gateway is killed, is ended, is replaced",
    goal: "SIGTERM: 0 failed of ≥ 20 000 with two, 0 lost in flight with one; SIGKILL: only what was in flight",
    proofs: [
      { part: "drain", cases: /./ },
      { part: "death", cases: /./ },
      { part: "rolling", cases: /./ },
    ],
  },
  {
    id: "F14",
    what: "deadlines in the past, of 500 µs, of 597 h",
    goal: "0 expired executed; long ones accepted, short ones kept",
    proofs: [
      { file: "test/wire/hostile-transport.test.ts", tests: /^deadlines/ },
      { file: "src/grpc/transport/deadline.test.ts", tests: /./ },
      { file: "test/stories/deadlines.test.ts", tests: /./ },
    ],
  },
  {
    id: "F16",
    what: "300 MB of memory, all attacks at once",
    goal: "alive; every other client answered",
    proofs: [{ part: "hostile", cases: /./ }],
  },
  {
    id: "F19",
    what: "mutated protobuf, JSON, pbtxt, ONNX, xclbin, gbs, aocx",
    goal: "≥ 10⁷ cases a family per release, 10⁵ per CI run (`npm run fuzz`): 0 crash, 0 hang > 100 ms, 0 unhandled",
    proofs: [
      { file: "src/registry/registration/mutants.test.ts", tests: /./ },
      { file: "backends/common/onnxruntime/mutants.test.ts", tests: /./ },
      { file: "src/grpc/codec/codec.property.test.ts", tests: /./ },
    ],
  },
  {
    id: "F20",
    what: "a poisoned request in a batch",
    goal: "only the guilty one fails; ≤ log₂ n + 1 executions more",
    proofs: [
      { file: "src/scheduling/recovery.test.ts", tests: /./ },
      { file: "src/inference/batch.test.ts", tests: /joining and parting|outputs of a batch/ },
    ],
  },
  {
    id: "F21",
    what: "a tenant asks for ten times its share",
    goal: "others get ≥ 99 % of what they were promised; theirs back ≤ 100 ms; Jain ≥ 0.98",
    proofs: [{ file: "src/scheduling/shared-devices.test.ts", tests: /tenants/ }],
  },
  {
    id: "F22",
    what: "three times what the device can do",
    goal: "goodput ≥ 95 % of peak; nothing begun late; normal ≤ 2 s after it is over",
    proofs: [{ file: "src/scheduling/shared-devices.test.ts", tests: /three times/ }],
  },
  {
    id: "F23",
    what: "clients and gateway retry",
    goal: "amplification ≤ 1.1; never after the deadline",
    proofs: [
      { file: "src/scheduling/scheduler.test.ts", tests: /a device that fails|when a worker dies/ },
      { file: "src/client/retry.test.ts", tests: /./ },
    ],
  },
  {
    id: "F26",
    what: "an issuer's keys: away, slow, changed; tokens of every wrong kind",
    goal: "100 % of ≥ 60 vectors; two days without the issuer; a known key waits for nobody",
    proofs: [
      { file: "src/tenants/tokens.test.ts", tests: /./ },
      { file: "test/stories/issuer.test.ts", tests: /./ },
    ],
  },
  {
    id: "F27",
    what: "certificates change, client certificates run out",
    goal: "new handshakes get the new one; 0 connections dropped",
    proofs: [{ file: "test/stories/client-certificates.test.ts", tests: /./ }],
  },
  {
    id: "F30",
    what: "two operators change the same model",
    goal: "one wins, the other gets ABORTED; linearizable over 10⁴ operations",
    proofs: [
      { part: "registry", cases: /./ },
      { part: "two-gateways", cases: /./ },
      { part: "gateway-kills", cases: /./ },
    ],
  },
];
