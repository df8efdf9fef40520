/** What a figure was measured on. */
import { availableParallelism, cpus } from "node:os"

export const machine = (): string =>
  `${cpus()[0]?.model.trim() ?? process.arch}, ${availableParallelism()} cores, node ${process.versions.node}`
