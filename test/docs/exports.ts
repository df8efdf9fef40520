/** What a module exports, through all that it exports from others, and whether it is documented. */
import {
  type Declaration,
  type ExportDeclaration,
  type ExportNamedDeclaration,
  type ImportDeclaration,
  type ModuleExportName,
  type ModuleItem,
  parseSync
} from "@swc/core"
import { posix } from "node:path"

/** An export, by the path it is reached by: `Policy.onnx`. A module that is a namespace is one, too. */
export interface Export {
  readonly path: string
  /** The file that declares it. */
  readonly file: string
  /** A docstring before the declaration; of a module, at the top of its file, with the tag `@module`. */
  readonly documented: boolean
}

type Read = (file: string) => string

/** A name of a module: declared there, or another module's. */
type Found =
  | { readonly tag: "declared"; readonly documented: boolean }
  | { readonly tag: "name"; readonly file: string; readonly name: string }
  | { readonly tag: "module"; readonly file: string }

interface Module {
  readonly documented: boolean
  readonly exports: ReadonlyMap<string, Found>
  /** Modules whose exports are all exported. */
  readonly all: ReadonlyArray<string>
}

const docstring = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*$/
const moduleTag = /\n \* @module\b/

/** A docstring says something before its first tag, and is not a module's. */
const says = (text: string): boolean => {
  const before = docstring.exec(text)?.[0] ?? ""
  return /^\/\*\*[\s*]*[^\s*@]/.test(before) && !moduleTag.test(before)
}

/** Put before every text: swc counts positions on from the texts it read before, so they are taken relative to this. */
const head = "0;"

const namesOf = (declaration: Declaration): ReadonlyArray<string> => {
  switch (declaration.type) {
    case "VariableDeclaration":
      return declaration.declarations.flatMap(({ id }) => id.type === "Identifier" ? [id.value] : [])
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return [declaration.identifier.value]
    case "TsInterfaceDeclaration":
    case "TsTypeAliasDeclaration":
    case "TsEnumDeclaration":
    case "TsModuleDeclaration":
      return [declaration.id.value]
    default:
      return []
  }
}

type Declared = Declaration | ExportDeclaration

const isDeclaration = (item: ModuleItem): item is ModuleItem & Declaration => namesOf(item as Declaration).length > 0

const textOf = (name: ModuleExportName): string => name.value

const moduleOf = (read: Read, file: string): Module => {
  const text = Buffer.from(head + read(file))
  const { body, span } = parseSync(text.toString(), { syntax: "typescript" })
  const documented = (item: Declared) => says(text.subarray(head.length, item.span.start - span.start).toString())
  const relative = (source: string) =>
    source.startsWith(".") ? posix.normalize(posix.join(posix.dirname(file), source)) : undefined
  const exports = new Map<string, Found>()
  const own = new Map<string, Found>()
  const all: Array<string> = []

  const declare = (into: Map<string, Found>, declaration: Declaration, item: Declared) => {
    for (const name of namesOf(declaration)) {
      const before = into.get(name)
      // A value and a type of one name: one docstring says what both are.
      const known = before?.tag === "declared" && before.documented
      into.set(name, { tag: "declared", documented: known || documented(item) })
    }
  }
  const bring = ({ source, specifiers }: ImportDeclaration) => {
    const from = relative(source.value)
    if (from === undefined) return
    for (const specifier of specifiers) {
      if (specifier.type === "ImportNamespaceSpecifier") own.set(specifier.local.value, { tag: "module", file: from })
      if (specifier.type === "ImportSpecifier") {
        const name = specifier.imported ? textOf(specifier.imported) : specifier.local.value
        own.set(specifier.local.value, { tag: "name", file: from, name })
      }
    }
  }
  const pass = ({ source, specifiers }: ExportNamedDeclaration) => {
    const from = source ? relative(source.value) : undefined
    if (source && from === undefined) return
    for (const specifier of specifiers) {
      if (specifier.type === "ExportNamespaceSpecifier" && from !== undefined) {
        exports.set(textOf(specifier.name), { tag: "module", file: from })
      }
      if (specifier.type === "ExportSpecifier") {
        const name = textOf(specifier.orig)
        const found = from === undefined ? own.get(name) : { tag: "name" as const, file: from, name }
        if (found !== undefined) exports.set(specifier.exported ? textOf(specifier.exported) : name, found)
      }
    }
  }

  for (const item of body) {
    if (item.type === "ImportDeclaration") bring(item)
    else if (item.type === "ExportDeclaration") declare(exports, item.declaration, item)
    else if (isDeclaration(item)) declare(own, item, item)
  }
  for (const item of body) {
    if (item.type === "ExportNamedDeclaration") pass(item)
    if (item.type === "ExportAllDeclaration") {
      all.push(...[relative(item.source.value)].filter((at) => at !== undefined))
    }
  }
  const top = /^\s*\/\*\*(?:(?!\*\/)[\s\S])*\*\//.exec(read(file))?.[0] ?? ""
  return { documented: moduleTag.test(top), exports, all }
}

/** Everything that is reached from a module, the module itself first. Modules are read once, however often reached. */
export const reached = (face: string, read: Read): ReadonlyArray<Export> => {
  const modules = new Map<string, Module>()
  const open = (file: string): Module => {
    const known = modules.get(file) ?? moduleOf(read, file)
    modules.set(file, known)
    return known
  }
  const find = (file: string, name: string): (Found & { readonly at: string }) | undefined => {
    const { all, exports } = open(file)
    const found = exports.get(name)
    if (found?.tag === "name") return find(found.file, found.name)
    if (found !== undefined) return { ...found, at: file }
    for (const other of all) {
      const there = find(other, name)
      if (there !== undefined) return there
    }
    return undefined
  }
  const names = (file: string): ReadonlyArray<string> => {
    const { all, exports } = open(file)
    return [...new Set([...exports.keys(), ...all.flatMap(names)])]
  }
  const walk = (file: string, path: string): ReadonlyArray<Export> => [
    { path: path || file, file, documented: open(file).documented },
    ...names(file).flatMap((name): ReadonlyArray<Export> => {
      const found = find(file, name)
      const inner = path === "" ? name : `${path}.${name}`
      if (found === undefined) return []
      if (found.tag === "module") return walk(found.file, inner)
      return found.tag === "declared" ? [{ path: inner, file: found.at, documented: found.documented }] : []
    })
  ]
  return walk(face, "")
}
