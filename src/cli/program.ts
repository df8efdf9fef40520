/**
 * The `rise` command.
 */
import { Command } from "effect/cli"
import * as Effect from "effect/Effect"
import { catalogue } from "./catalogue.ts"
import { main, run } from "./process.ts"
import { telling } from "./telling.ts"

type Entry = Effect.Success<typeof catalogue[number]["load"]> | typeof catalogue[number]["stub"]

const words = process.argv.slice(2)

/** Completions and the wizard speak of every command's flags. */
const all = words.some((word) => /^--(completions|wizard)(=|$)/.test(word))

/** A command is loaded where its name is among the words; the help of the root takes the others' descriptions. */
const commands = Effect.forEach(
  catalogue,
  ({ load, name, stub }): Effect.Effect<Entry> => all || words.includes(name) ? load : Effect.succeed(stub)
)

main(Effect.flatMap(commands, (commands) =>
  Command.make("rise").pipe(
    Command.withDescription("Teach a vision-language model to annotate images and to say why"),
    Command.withSubcommands(commands),
    telling,
    run
  )))
