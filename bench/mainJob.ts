/** `main-job`: `npm run emotion6`, once, whole: the time on the wall, its processor's, and the most it had resident. */
import { Effect, Option } from "effect"
import { fileURLToPath } from "node:url"
import { command } from "./harness/Command.ts"
import type { Bench } from "./harness/Contest.ts"
import { temporaryFolder } from "./harness/Workload.ts"

const program = fileURLToPath(new URL("../examples/emotion6.ts", import.meta.url))

/** Another preset, to see that it runs: "smoke". */
const preset = process.env["RISE_BENCH_PRESET"]

export const benches: ReadonlyArray<Bench> = [{
  name: "main-job",
  shape: `RISE, SFT and Visual-RFT on the embedded scenes, ${preset ?? "the default preset"}`,
  unit: "s",
  amount: 1,
  rounds: 1,
  long: true,
  ours: Effect.map(temporaryFolder, (out) =>
    command("npm run emotion6", [
      process.execPath,
      program,
      "--out",
      `${out}/run`,
      ...(preset === undefined ? [] : ["--preset", preset])
    ], "end")),
  peer: Effect.succeed(Option.none())
}]
