/**
 * What the operating system refuses, in words: one table for every floor.
 *
 * Node says the same thing with a code, a system call and the path once more ("EMFILE: too many open files, open 'a'").
 * Whoever reports a fault names the path, so it is left out here.
 */
import { statfsSync } from "node:fs"
import { dirname } from "node:path"

/** What is known about the work that failed. */
export interface About {
  /** The file or folder: how much room there is beside it. */
  readonly path?: string
  /** Bytes that were to be written. */
  readonly needed?: number | undefined
}

/** Causes lie in one another: an Effect error holds its reason, and that holds Node's error. */
const DEEPEST = 6

const inside = (cause: object): ReadonlyArray<unknown> => [
  "reason" in cause ? cause.reason : undefined,
  "cause" in cause ? cause.cause : undefined
]

const find = <A>(cause: unknown, read: (cause: object) => A | undefined, depth = 0): A | undefined => {
  if (typeof cause !== "object" || cause === null || depth > DEEPEST) return undefined
  const here = read(cause)
  if (here !== undefined) return here
  for (const inner of inside(cause)) {
    const found = find(inner, read, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** The code of the operating system, such as "ENOSPC"; undefined where it refused nothing. */
export const codeOf = (cause: unknown): string | undefined =>
  find(cause, (at) => {
    if (!("code" in at) || typeof at.code !== "string") return undefined
    if (/^E[A-Z0-9]+$/.test(at.code)) return at.code
    // A worker that cannot start says why at the end of its message.
    return at instanceof Error ? /: (E[A-Z0-9]+)$/.exec(at.message)?.[1] : undefined
  })

const MIB = 2 ** 20

const mebibytes = (bytes: number): string =>
  bytes > 0 && bytes < MIB
    ? `${(bytes / MIB).toFixed(3)} MiB`
    : `${(bytes / MIB).toFixed(bytes < 100 * MIB ? 1 : 0)} MiB`

/** Bytes free where the path lies, or would lie. */
const freeAt = (path: string): number | undefined => {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    const above = dirname(path)
    return above === path ? undefined : freeAt(above)
  }
}

const full = ({ needed, path }: About): string => {
  const free = path === undefined ? undefined : freeAt(path)
  const facts = [
    ...(needed === undefined ? [] : [`${mebibytes(needed)} needed`]),
    ...(free === undefined ? [] : [`${mebibytes(free)} free`])
  ]
  return `the disk is full${facts.length === 0 ? "" : `: ${facts.join(", ")}`}`
}

let limit: number | undefined

/** How many files this process may hold open; Infinity where nothing says. Asked of the system without opening one. */
export const openLimit = (): number => {
  if (limit !== undefined) return limit
  // Looking up the names of connections would take a while.
  const report = Object.assign(process.report, { excludeNetwork: true })
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = Number(userLimits?.open_files?.soft)
  limit = Number.isNaN(soft) ? Infinity : soft
  return limit
}

const sentences: Readonly<Record<string, (about: About) => string>> = {
  ENOSPC: full,
  EDQUOT: () => "the disk quota is used up: free some room, or choose another folder",
  EFBIG: () => "the file grows larger than this process or its file system allows (ulimit -f)",
  EROFS: () => "the file system is read-only",
  EACCES: () => "permission denied",
  EPERM: () => "permission denied: the operation is not permitted",
  EMFILE: () => `too many open files: the limit of this process is ${openLimit()}; raise it with ulimit -n 1024`,
  ENFILE: () => "too many open files on this machine: close programs, or raise fs.file-max",
  ENOENT: () => "no such file or directory",
  EEXIST: () => "something of that name is there already",
  ENOTEMPTY: () => "the folder is not empty",
  EISDIR: () => "it is a folder, expected a file",
  ENOTDIR: () => "a part of the path is a file, expected a folder",
  ENAMETOOLONG: () => "the name is too long for the file system",
  EIO: () => "the disk failed (input/output error): check its health before going on",
  EBUSY: () => "it is in use by another program",
  ETXTBSY: () => "it is in use by another program",
  EXDEV: () => "it lies on another file system",
  ELOOP: () => "its links lead in a circle",
  ENOMEM: () => "the machine has no memory left",
  ESTALE: () => "the network file system no longer knows it",
  ENXIO: () => "it is a device or a pipe without an other end, expected a file",
  ENODEV: () => "it is a device that cannot do this, expected a file"
}

/** What Node says, without the code, the call and the path behind it. */
const plain = (message: string): string => message.replace(/^E[A-Z0-9]+: /, "").replace(/, [a-z_]+(?: '[^]*')?$/, "")

/** Node's own message where it has a code, or the innermost of others: each outer one repeats it, with the path. */
const messageOf = (cause: unknown): string => {
  const coded = find(cause, (at) => at instanceof Error && "code" in at && typeof at.code === "string" ? at : undefined)
  if (coded !== undefined) return plain(coded.message)
  return cause instanceof Error ? cause.message : String(cause)
}

/** Why the operating system refused, as a clause without the path; for other faults what they say of themselves. */
export const words = (cause: unknown, about: About = {}): string => {
  const sentence = sentences[codeOf(cause) ?? ""]
  return sentence === undefined ? messageOf(cause) : sentence(about)
}
