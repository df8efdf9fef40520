#!/usr/bin/env node
/**
 * The `rise` command.
 */
import { Command } from "effect/cli"
import { audit } from "./audit.ts"
import { annotate, evaluate, report, train } from "./commands.ts"
import { runMain } from "./main.ts"
import { tables } from "./tables.ts"

Command.make("rise").pipe(
  Command.withDescription("Teach a vision-language model to annotate images and to say why"),
  Command.withSubcommands([train, annotate, evaluate, report, tables, audit]),
  runMain
)
