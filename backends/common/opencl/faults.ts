/**
 * What the answer of an OpenCL call means to the gateway. Vendors give one cause
 * different codes, so call and code are judged together; the pairs were seen on
 * PoCL 3.1, XRT 2.13 and Intel's runtime 2025.1.
 */
import { BackendError, type BackendFault } from "../../contract.ts";
import { nameOfCode } from "./constants.ts";

/** Codes that mean the same after every call not listed in `BY_CALL`. */
const BY_CODE: Readonly<Record<number, BackendFault>> = {
  [-1]: "device",
  [-2]: "device",
  [-4]: "exhausted",
  [-5]: "exhausted",
  [-6]: "exhausted",
  // What a command that failed on the board leaves in the event that was waited for.
  [-14]: "device",
  [-33]: "device",
  [-36]: "device",
  [-61]: "exhausted",
  [-1001]: "device",
};

const ARTIFACT: BackendFault = "artifact";

const BY_CALL: Readonly<Record<string, Readonly<Record<number, BackendFault>>>> = {
  // XRT says -6 of an image that is truncated, made for another shell or refused by the board; -5 while another one is loaded.
  clCreateProgramWithBinary: { [-6]: ARTIFACT, [-30]: ARTIFACT, [-42]: ARTIFACT, [-44]: ARTIFACT },
  clCreateProgramWithSource: { [-30]: ARTIFACT },
  clBuildProgram: {
    [-2]: ARTIFACT,
    [-11]: ARTIFACT,
    [-42]: ARTIFACT,
    [-43]: ARTIFACT,
    [-44]: ARTIFACT,
    [-59]: ARTIFACT,
  },
  clCreateKernel: { [-30]: ARTIFACT, [-45]: ARTIFACT, [-46]: ARTIFACT, [-47]: ARTIFACT },
  // XRT's -4 here: the buffer lies in a bank that the compute unit is not wired to.
  clSetKernelArg: { [-4]: ARTIFACT, [-49]: ARTIFACT, [-50]: ARTIFACT, [-51]: ARTIFACT },
  clEnqueueTask: { [-45]: ARTIFACT, [-52]: ARTIFACT, [-54]: ARTIFACT },
};

export function faultOf(call: string, code: number): BackendFault {
  return BY_CALL[call]?.[code] ?? BY_CODE[code] ?? "internal";
}

/** @param about what the call was about, in words; stands before the code. */
export function failure(call: string, code: number, about?: string): BackendError {
  const subject = about === undefined ? call : `${about}: ${call}`;
  return new BackendError(faultOf(call, code), `${subject} answered ${nameOfCode(code)} (${code})`);
}

/** @throws BackendError for any code but CL_SUCCESS */
export function check(call: string, code: number, about?: string): void {
  if (code !== 0) throw failure(call, code, about);
}
