import { toStatusError } from "../../../errors.ts";
import { GoldenPair, openGoldenInputs } from "../../golden/golden-files.ts";
import { type Check, failed, passed, skipped } from "../check.ts";
import { configurationOrReason } from "../configuration.ts";

/** The golden files are npz files with rows of the version's tensors. What is in the rows is the gate's business. */
export const goldenCheck: Check = {
  name: "golden",
  needs: ["config"],
  async run(context) {
    const { golden } = context.candidate;
    if (golden === undefined) return skipped("no golden files were given");
    const settled = configurationOrReason(context);
    if (typeof settled === "string" || settled.signature === undefined) {
      return skipped("there is no configuration to compare them with");
    }
    try {
      const { inputs, outputs } = golden;
      if (outputs === undefined) {
        const alone = await openGoldenInputs(settled.signature, inputs);
        alone.close();
        return passed(`${alone.arrays[0]?.shape[0] ?? 0} rows, outputs are the reference's`);
      }
      const pair = await GoldenPair.open(settled.signature, { inputs, outputs });
      pair.close();
      return passed(`${pair.rows} rows`);
    } catch (thrown) {
      const reason = toStatusError(thrown)
        .message.replaceAll(`'${golden.inputs}'`, "the file of inputs")
        .replaceAll(`'${golden.outputs ?? ""}'`, "the file of outputs");
      return failed(
        reason,
        "save them with numpy.savez, an array a tensor, axis 0 = rows, in the tensors' datatypes",
      );
    }
  },
};
