/** What docs/files-of-a-run.md says of a run's files, held against a run. */
import { globSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { root } from "./blocks.ts"

/** Keys under these are named by whoever runs it: settings, packages, metrics. */
const free = new Set(["settings", "versions", "metrics", "task"])

/** All keys of a value, but for those that are free. */
const keysOf = (value: unknown): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.flatMap(keysOf)
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [key, ...(free.has(key) ? [] : keysOf(inner))])
}

/** "validation accuracy" is of the metric that a task has. */
const general = (key: string): string => key.replace(/^validation .*/, "validation …")

/** What a run in `folder` has and the page does not name: files, and keys of rows as "file: key". */
export const unnamed = (folder: string): ReadonlyArray<string> => {
  const page = readFileSync(join(root, "docs/files-of-a-run.md"), "utf8")
  const section = (title: string): string | undefined =>
    page.split(/^## /m).find((text) => text.startsWith(`${title}\n`))
  const files = globSync("**/*.*", { cwd: folder }).filter((file) => !file.endsWith("/"))
  return files.flatMap((file) => {
    const name = basename(file).replace(/-\d+(?=\.js$)/, "-N")
    if (!page.includes(name)) return [file]
    if (file.includes("/") || !/\.jsonl?$/.test(file)) return []
    const text = section(file)
    if (text === undefined) return [`${file}: no section`]
    const lines = readFileSync(join(folder, file), "utf8").trim()
    const rows = lines === "" ? [] : file.endsWith(".json") ? [lines] : lines.split("\n")
    const keys = new Set(rows.flatMap((row) => keysOf(JSON.parse(row))).map(general))
    return [...keys].filter((key) => !text.includes(`\`${key}\``)).map((key) => `${file}: ${key}`)
  })
}
