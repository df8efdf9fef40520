/** What the sources warn of, as text with "…" for what is filled in, to be looked up in the page about it. */
import { parseSync } from "@swc/core"
import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./blocks.ts"

/** A node of a syntax tree, as far as it is looked at. */
interface Node {
  readonly type: string
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { readonly type?: unknown }).type === "string"

/** All nodes below one, itself first. */
const all = (value: unknown): ReadonlyArray<Node> => {
  if (Array.isArray(value)) return value.flatMap(all)
  if (typeof value !== "object" || value === null) return []
  return [...(isNode(value) ? [value] : []), ...Object.values(value).flatMap(all)]
}

const stringOf = (value: unknown): string => typeof value === "string" ? value : ""

/** The literal texts of an expression in their order, "…" between them. Names are looked up in the file. */
const textOf = (node: unknown, names: ReadonlyMap<string, unknown>, depth = 0): string => {
  if (!isNode(node) || depth > 8) return "…"
  const inner = (part: unknown) => textOf(part, names, depth + 1)
  const field = (name: string) => node[name]
  switch (node.type) {
    case "StringLiteral":
      return stringOf(field("value"))
    case "TemplateLiteral": {
      const quasis = field("quasis") as ReadonlyArray<{ readonly cooked?: string; readonly raw: string }>
      const filled = field("expressions") as ReadonlyArray<unknown>
      return quasis.map(({ cooked, raw }, i) => `${cooked ?? raw}${i < filled.length ? inner(filled[i]) : ""}`).join("")
    }
    case "BinaryExpression":
      return `${inner(field("left"))}${inner(field("right"))}`
    case "ConditionalExpression":
      return `…${inner(field("consequent"))}…${inner(field("alternate"))}…`
    case "ParenthesisExpression":
      return inner(field("expression"))
    case "Identifier":
      return names.has(stringOf(field("value"))) ? inner(names.get(stringOf(field("value")))) : "…"
    default:
      return "…"
  }
}

export interface Warning {
  /** `src/dsl/Judgments.ts` */
  readonly file: string
  /** What is warned of; only "…" where the text is made elsewhere. */
  readonly text: string
}

/** Warnings of a file: what is handed to `warn`, and the text of `Warned` events. */
export const warningsOf = (file: string, source: string): ReadonlyArray<Warning> => {
  if (!/\b(warn|Warned)\(/.test(source)) return []
  const nodes = all(parseSync(source, { syntax: "typescript" }).body)
  const names = new Map<string, unknown>()
  for (const { id, init, type } of nodes) {
    if (type === "VariableDeclarator" && isNode(id) && id.type === "Identifier" && isNode(init)) {
      names.set(stringOf(id["value"]), init)
    }
  }
  return nodes.flatMap((node): ReadonlyArray<Warning> => {
    if (node.type !== "CallExpression" || !isNode(node["callee"])) return []
    const { callee } = node
    const given = (node["arguments"] as ReadonlyArray<{ readonly expression: unknown }>).map(({ expression }) =>
      expression
    )
    const member = callee.type === "MemberExpression" && isNode(callee["property"]) ? callee["property"]["value"] : ""
    if (callee.type === "Identifier" && callee["value"] === "warn") {
      return [{ file, text: textOf(given.at(-1), names) }]
    }
    if (member !== "Warned") return []
    const [event] = given
    const properties = isNode(event) ? event["properties"] as ReadonlyArray<Node> : []
    const text = properties.find((property) =>
      property.type === "Identifier" ?
        property["value"] === "text" :
        isNode(property["key"]) && property["key"]["value"] === "text"
    )
    return [{ file, text: textOf(text?.type === "Identifier" ? text : text?.["value"], names) }]
  })
}

const files = (): ReadonlyArray<string> =>
  globSync("src/**/*.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/")).sort()

const read = (file: string): string => readFileSync(join(root, file), "utf8")

/** All warnings of the sources. */
export const warnings = (): ReadonlyArray<Warning> => files().flatMap((file) => warningsOf(file, read(file)))

/** All literal texts of files, joined where the sources join them. */
export const texts = (of: ReadonlyArray<string> = files()): ReadonlyArray<string> =>
  of.flatMap((file) =>
    all(parseSync(read(file), { syntax: "typescript" }).body)
      .filter(({ type }) => ["StringLiteral", "TemplateLiteral", "BinaryExpression"].includes(type))
      .map((node) => textOf(node, new Map()))
  )

/** Phrases of the page: what stands between quotes in the first column of its tables. */
export const phrases = (): ReadonlyArray<string> =>
  read("docs/when-it-does-not-learn.md").split("\n").filter((line) => line.startsWith("| ") && line.includes("\""))
    .flatMap(
      (line) => [...(line.split(" | ")[0] ?? "").matchAll(/"([^"]+)"/g)].map(([, phrase = ""]) => phrase)
    )

/** Whether a phrase says a text: its pieces stand there, in order. */
export const says = (phrase: string, text: string): boolean => {
  let from = 0
  return phrase.split("…").map((piece) => piece.trim()).filter((piece) => piece !== "").every((piece) => {
    const at = text.indexOf(piece, from)
    from = at + piece.length
    return at >= 0
  })
}
