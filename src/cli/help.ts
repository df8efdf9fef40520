/**
 * Help as text: as wide as the terminal, at most 100 columns, with descriptions in a column of their own.
 */
import { CliOutput, type HelpDoc } from "effect/cli"
import * as Option from "effect/Option"
import { wrapped } from "../dsl/progress/Width.ts"
import { asksJson, told } from "./telling.ts"

/** A narrower terminal than this wraps what it likes. */
const [narrowest, widest] = [60, 100] as const
const columns = Math.max(narrowest, Math.min(widest, process.stdout.columns ?? widest))

/** The width of the names' column; a longer name has a line of its own. */
const namesWidth = 26

const paragraph = (text: string): string => wrapped(text, columns - 2).map((line) => `  ${line}`).join("\n")

const row = (name: string, text: string): string => {
  const lines = wrapped(text, columns - namesWidth - 2)
  const below = lines.map((line) => " ".repeat(namesWidth + 2) + line)
  return name.length < namesWidth - 1
    ? [`  ${name.padEnd(namesWidth)}${lines[0] ?? ""}`.trimEnd(), ...below.slice(1)].join("\n")
    : [`  ${name}`, ...below].join("\n")
}

const flagRow = ({ aliases, description, name, type }: HelpDoc.FlagDoc): string =>
  row(
    // Choices stand in the description: all of them again would not fit here.
    [...aliases, `--${name}`].join(", ") + (type === "boolean" || type.startsWith("<") ? "" : ` ${type}`),
    Option.getOrElse(description, () => "")
  )

const argumentRow = ({ description, name, required, variadic }: HelpDoc.ArgDoc): string =>
  row(
    `${name}${variadic ? "..." : ""}`,
    `${Option.getOrElse(description, () => "")}${required ? "" : " (optional)"}`
  )

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : [`${title}\n${lines.join("\n")}`]

/** The help of a command. */
export const help = (doc: HelpDoc.HelpDoc): string =>
  [
    ...section("DESCRIPTION", doc.description === "" ? [] : [paragraph(doc.description)]),
    ...section("USAGE", [`  ${doc.usage}`]),
    ...section("ARGUMENTS", (doc.args ?? []).map(argumentRow)),
    ...section("FLAGS", doc.flags.map(flagRow)),
    ...(doc.subcommands ?? []).flatMap(({ commands, group }) =>
      section(
        group ?? "COMMANDS",
        commands.map(({ description, name, shortDescription }) => row(name, shortDescription ?? description))
      )
    ),
    ...section("FLAGS OF EVERY COMMAND", [...(doc.inheritedFlags ?? []), ...(doc.globalFlags ?? [])].map(flagRow)),
    ...section(
      "EXAMPLES",
      (doc.examples ?? []).map(({ command, description }) =>
        `${description === undefined ? "" : `  # ${description}\n`}  ${command}`
      )
    )
  ].join("\n\n")

const plain = CliOutput.defaultFormatter({ colors: false })

/** Help within the terminal; what went wrong as its message alone, or as JSON where that is asked for. */
export const formatter: CliOutput.Formatter = {
  ...plain,
  formatHelpDoc: help,
  formatError: ({ message }) => asksJson(process.argv.slice(2)) ? told("failed", { message }) : `error: ${message}`
}
