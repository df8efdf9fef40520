/** Commands as the processes that a user starts. */
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../", import.meta.url))
export const rise = `${root}src/cli/rise.ts`

export interface Ended {
  /** Exit code; -1 where it was killed. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program of Node's to its end. */
export const node = (
  args: ReadonlyArray<string>,
  options: {
    readonly cwd?: string
    readonly env?: Readonly<Record<string, string>>
    /** Milliseconds; default five minutes, for machines that test are busy. */
    readonly timeout?: number
  } = {}
): Effect.Effect<Ended> =>
  Effect.callback<Ended>((resume) => {
    const child = execFile(
      process.execPath,
      args,
      {
        timeout: options.timeout ?? 300_000,
        maxBuffer: 2 ** 26,
        cwd: options.cwd ?? root,
        env: { ...process.env, ...options.env }
      },
      (error, stdout, stderr) =>
        resume(
          Effect.succeed({
            code: error === null ? 0 : typeof error.code === "number" ? error.code : -1,
            stdout,
            stderr
          })
        )
    )
    child.stdin?.end()
    return Effect.sync(() => void child.kill())
  })
