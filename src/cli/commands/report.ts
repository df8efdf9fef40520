/** `rise report`: the page of a run folder. */
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { report as writeReport } from "../../studies/index.ts"
import { readable } from "../process.ts"
import { serve } from "../reportServer.ts"
import { whole } from "../values.ts"

const follow = Flag.Boolean("follow").pipe(
  Flag.withDescription("Serve it on this machine until Ctrl+C; while the run goes on the page refreshes by itself"),
  Flag.withDefault(false)
)

const port = whole("port", { least: 0, most: 65535 }).pipe(
  Flag.withDescription("With --follow, the port on 127.0.0.1; 0: any that is free; default: 8123"),
  Flag.optional
)

export const report = Command.make("report", {
  folder: Argument.String("folder").pipe(Argument.withDescription("A run folder")),
  follow,
  port
}, ({ folder, follow, port }) =>
  readable(
    follow
      ? serve(
        folder,
        Option.getOrElse(port, () => 8123),
        (address) => Console.log(`${address} shows ${folder}; Ctrl+C ends it`)
      )
      : Effect.flatMap(writeReport(folder), (file) => Console.log(file))
  )).pipe(
    Command.withDescription("Write report.html of a run folder again, or follow a run in the browser")
  )
