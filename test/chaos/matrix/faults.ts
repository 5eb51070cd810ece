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
    proofs: [
      { part: "hung", cases: /./ },
      { part: "boards", cases: /never says that it is done/ },
      { file: "src/pool/breaker.test.ts", tests: /./ },
    ],
  },
  {
    id: "F3",
    what: "one of three boards is ten times as slow",
    goal: "goodput ≥ 95 % of the other two",
    proofs: [{ part: "slow", cases: /./ }],
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
      { part: "ledger", cases: /^a disk that is full/ },
      { part: "descriptors", cases: /./ },
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
      { part: "ledger", cases: /^kill -9/ },
      { part: "rolling", cases: /./ },
    ],
  },
  {
    id: "F9",
    what: "clients cancel or hang up while their requests wait",
    goal: "0 of those executed; after 10⁵ heap + ≤ 5 MB, timers and descriptors as before",
    proofs: [{ part: "cancels", cases: /./ }],
  },
  {
    id: "F10",
    what: "a client that does not read",
    goal: "≤ 8 MiB kept for a stream; others answered",
    proofs: [
      { part: "hostile", cases: /^attack unread/ },
      { file: "test/wire/hostile-transport.test.ts", tests: /a client that does not read/ },
    ],
  },
  {
    id: "F11",
    what: "messages that are half sent",
    goal: "alive in 300 MB; others answered",
    proofs: [
      { part: "hostile", cases: /^attack half-sent/ },
      { file: "test/wire/hostile-transport.test.ts", tests: /messages that never end/ },
    ],
  },
  {
    id: "F12",
    what: "DATA frames of one byte",
    goal: "≤ 64 MB and ≤ 1 s of CPU more",
    proofs: [
      { part: "hostile", cases: /^attack one-byte-frames/ },
      { file: "test/wire/hostile-transport.test.ts", tests: /1-byte DATA frames/ },
    ],
  },
  {
    id: "F13",
    what: "4 GiB announced, gzip bombs, wrong flags, noise",
    goal: "100 % answered with a status; 0 crashes",
    proofs: [
      { part: "hostile", cases: /^attack garbage/ },
      {
        file: "test/wire/hostile-transport.test.ts",
        tests: /malformed request|gzip bomb|no HTTP\/2/,
      },
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
    id: "F15",
    what: "the wall clock jumps by an hour, back, by a second",
    goal: "0 failed",
    proofs: [{ part: "clock", cases: /./ }],
  },
  {
    id: "F16",
    what: "300 MB of memory, all attacks at once",
    goal: "alive; every other client answered",
    proofs: [{ part: "hostile", cases: /./ }],
  },
  {
    id: "F17",
    what: "10 000 connections that do nothing, a storm of 2 000 a second",
    goal: "≤ 30 kB each; others' p99 ≤ 1.1 ×; the loop stalls ≤ 100 ms",
    proofs: [{ program: "npm run bench -- --only connections" }],
  },
  {
    id: "F18",
    what: "floods of resets, PING, SETTINGS, CONTINUATION, window overflow",
    goal: "that peer alone is sent away; others' p99 ≤ 2 ×; memory flat",
    proofs: [
      { part: "hostile", cases: /^attack (rapid-reset|garbage)/ },
      { file: "test/wire/hostile-transport.test.ts", tests: /a flood/ },
    ],
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
    id: "F24",
    what: "fifty models are loaded at once",
    goal: "0 failed; p99 of another model ≤ 1.3 ×",
    proofs: [{ part: "loads", cases: /./ }],
  },
  {
    id: "F25",
    what: "a gateway that stands still for 1.5 s",
    goal: "in its metrics ≤ 1 s after it; 0 lost",
    proofs: [{ part: "stall", cases: /./ }],
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
    id: "F28",
    what: "latency, silence on one way, half-open, RST, a trickle: to a far server, to Redis",
    goal: "found ≤ 5 s idle, ≤ the deadline when busy; nobody stuck",
    proofs: [
      { part: "network", cases: /./ },
      { file: "backends/remote/far-server.test.ts", tests: /stops answering/ },
    ],
  },
  {
    id: "F29",
    what: "answers too short, too long, of another tensor, of another run, none",
    goal: "0 wrong ones delivered; the device ejected",
    proofs: [
      { part: "lies", cases: /./ },
      { part: "boards", cases: /brings half of the answer/ },
      { file: "src/workers/pending-runs.test.ts", tests: /nobody gave/ },
      { file: "src/workers/run-frames.test.ts", tests: /./ },
    ],
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
