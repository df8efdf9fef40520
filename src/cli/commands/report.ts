/** `rise report`: the page of a run folder. */
import { Console, Effect } from "effect"
import { Argument, Command } from "effect/cli"
import { report as writeReport } from "../../studies/index.ts"
import { readable } from "../process.ts"

export const report = Command.make("report", {
  folder: Argument.String("folder").pipe(Argument.withDescription("A run folder"))
}, ({ folder }) => readable(Effect.flatMap(writeReport(folder), (file) => Console.log(file)))).pipe(
  Command.withDescription("Write report.html of a run folder again")
)
