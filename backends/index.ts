/** The backends of this build: one line each. The gateway inspects with them, workers run them. */
import { armCpu } from "./arm-cpu/backend.ts";
import type { BackendModule } from "./contract.ts";
import { echo } from "./echo/backend.ts";
import { gpu } from "./gpu/backend.ts";
import { intelFpga } from "./intel-fpga/backend.ts";
import { remote } from "./remote/backend.ts";
import { xilinxU50 } from "./xilinx-u50/backend.ts";

export const backends: readonly BackendModule[] = [armCpu, echo, gpu, intelFpga, remote, xilinxU50];
