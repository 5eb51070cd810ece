/** The OpenCL host. Import it in a worker only: it loads native code. */

export { type Layout as RowsLayout, layoutOf as rowsLayout } from "../fixed-point/layout.ts";
export { type BoardChoice, findPlatform, OpenClBoard } from "./board.ts";
export {
  BUILD_OPTIONS,
  type CompilerIdentity,
  compileSource,
  identifyCompiler,
} from "./compile.ts";
export { check, faultOf } from "./faults.ts";
export { HeldBoard, type Hold } from "./held-board.ts";
export { digestOf, readImage } from "./image.ts";
export { type InstancePlace, OpenClInstance } from "./instance.ts";
export { openLibrary } from "./library.ts";
export { type CallLimits, type KernelCall, planCalls } from "./plan-calls.ts";
export { type DeviceInfo, listDevices, listPlatforms, type PlatformInfo } from "./platforms.ts";
export { type KernelWiring, type WiredTensor, wireKernel } from "./wiring.ts";
