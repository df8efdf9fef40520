/**
 * The `rise` command, with the commands that a command line names.
 */
import { Command } from "effect/cli"
import * as Effect from "effect/Effect"
import { catalogue } from "./catalogue.ts"
import { telling } from "./telling.ts"

type Entry = Effect.Success<typeof catalogue[number]["load"]> | typeof catalogue[number]["stub"]

/**
 * A command is loaded where its name is among the words of the command line; the help of the root takes the others'
 * descriptions.
 */
export const root = (words: ReadonlyArray<string>) => {
  /** Completions and the wizard speak of every command's flags. */
  const all = words.some((word) => /^--(completions|wizard)(=|$)/.test(word))
  const commands = Effect.forEach(
    catalogue,
    ({ load, name, stub }): Effect.Effect<Entry> => all || words.includes(name) ? load : Effect.succeed(stub)
  )
  return Effect.map(commands, (commands) =>
    Command.make("rise").pipe(
      Command.withDescription("Teach a vision-language model to annotate images and to say why"),
      Command.withSubcommands(commands),
      telling
    ))
}
