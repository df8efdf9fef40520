/**
 * Draws the faults that a run tries: StrykerJS knows thousands in these folders, more than an afternoon's worth, and
 * has no sampling of its own. What was not drawn it counts under "errors", outside of its scores.
 *
 * The draw is keyed by the fault: a run over one file tries the same ones in it as a run over all.
 */
import { CheckStatus } from "@stryker-mutator/api/check"
import { declareFactoryPlugin, PluginKind } from "@stryker-mutator/api/plugin"
import { createHash } from "node:crypto"

const { SEED: seed = "1", SHARE: share = "0.03" } = process.env
if (!(Number(share) > 0 && Number(share) <= 1)) throw new Error(`SHARE is ${share}, expected a number in (0, 1]`)

const drawn = ({ fileName, location: { end, start }, mutatorName, replacement }) => {
  const file = fileName.replaceAll("\\", "/").replace(/^.*\/src\//, "")
  const key = [seed, file, start.line, start.column, end.line, end.column, mutatorName, replacement]
  return createHash("sha256").update(JSON.stringify(key)).digest().readUInt32BE() < Number(share) * 2 ** 32
}

const sample = () => ({
  init: async () => {},
  group: async (faults) => [faults.map(({ id }) => id)],
  check: async (faults) =>
    Object.fromEntries(faults.map((fault) => [
      fault.id,
      drawn(fault) ? { status: CheckStatus.Passed } : { status: CheckStatus.CompileError, reason: "not drawn" }
    ]))
})

export const strykerPlugins = [declareFactoryPlugin(PluginKind.Checker, "sample", sample)]
