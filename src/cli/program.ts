/**
 * The `rise` command.
 */
import { Command } from "effect/cli"
import { annotate } from "./commands/annotate.ts"
import { audit } from "./commands/audit.ts"
import { evaluate } from "./commands/evaluate.ts"
import { report } from "./commands/report.ts"
import { tables } from "./commands/tables.ts"
import { train } from "./commands/train.ts"
import { runMain } from "./main.ts"

Command.make("rise").pipe(
  Command.withDescription("Teach a vision-language model to annotate images and to say why"),
  Command.withSubcommands([train, annotate, evaluate, report, tables, audit]),
  runMain
)
