/** Models on an emulated ARM CPU by the arm-cpu backend, against the same models on this host's CPU. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, exit } from "node:process";
import { packageRoot } from "../../src/package-root.ts";
import { Cases, expect } from "../support/cases.ts";
import type { Answers, ModelAnswer } from "./answers-file.ts";
import { type ArmHost, hasQemu, makeArmHost } from "./arm-host.ts";
import { largestDifference, TOLERANCE } from "./compare.ts";
import { timeLeftMs } from "./time-left.ts";

const PROGRAM = "dist/test/arm64/answers.js";
const MODELS = join(packageRoot, "models");
const MISSING = "qemu-aarch64-static is not installed (Debian: qemu-user-static)";

const cases = new Cases();
const folder = mkdtempSync(join(tmpdir(), "beamgate-arm64-"));
const present = hasQemu();
try {
  if (present) await compareWithThisHost();
  else if (env["CI"]) await cases.run("qemu is here", () => Promise.reject(new Error(MISSING)));
  else cases.skip("models on linux/arm64", MISSING);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const status = cases.finish();
exit(present || env["CI"] ? status : 0);

async function compareWithThisHost(): Promise<void> {
  let host: ArmHost | undefined;
  await cases.run("an ARM host is made of npm's and Debian's packages", () => {
    host = makeArmHost(folder, packageRoot);
    return undefined;
  });
  let arm: Answers | undefined;
  await cases.run("arm-cpu runs every model there", () => {
    arm = answers("arm64", (file) => host?.run(PROGRAM, [MODELS, file]));
    return `${arm.models.length} models on Node ${arm.node}`;
  });
  if (arm === undefined) return;
  const { device, models } = arm;
  await cases.run("the device says what it is", () => {
    expect(device.platform === "linux/arm64", `its platform is ${device.platform}`);
    expect(device.vendor === "ARM", `its vendor is ${device.vendor}`);
    return undefined;
  });
  const here = answers("here", (file) => {
    const program = join(packageRoot, PROGRAM);
    const options = { timeout: timeLeftMs(), killSignal: "SIGKILL" } as const;
    const { status: code, stderr } = spawnSync(process.execPath, [program, MODELS, file], options);
    expect(code === 0, `${PROGRAM} here: status ${code}\n${stderr}`);
  });
  for (const model of here.models) await compareModel(model, models);
}

function answers(name: string, run: (file: string) => void): Answers {
  const file = join(folder, `${name}.json`);
  run(file);
  return JSON.parse(readFileSync(file, "utf8")) as Answers;
}

function compareModel({ model, outputs }: ModelAnswer, there: readonly ModelAnswer[]) {
  return cases.run(
    `${model} gives the same on both, within ${TOLERANCE} of its largest value`,
    () => {
      const answer = there.find((candidate) => candidate.model === model);
      expect(answer !== undefined, "there is no answer from arm64");
      const { output, share } = largestDifference(outputs, answer.outputs);
      return share === 0 ? "the same bits" : `${share.toExponential(1)} in ${output}`;
    },
  );
}
