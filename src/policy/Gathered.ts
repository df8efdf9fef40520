/**
 * A policy whose callers share passes: what is asked while the model computes is computed together, next.
 *
 * Requests wait in line. A pass takes those that are to be drawn alike, from the oldest on: a power of two of them, for
 * every size of a batch is a graph of its own. A pass that fails is made again one request at a time, so that nobody
 * is refused for what a stranger sent.
 */
import { Deferred, Effect, Exit, Queue, Semaphore } from "effect"
import {
  type Completion,
  Policy,
  type PolicyError,
  type SampleOptions,
  type SampleRequest,
  type Session
} from "./Policy.ts"

/** What there is to know of the line. */
export interface Line {
  /** Rows (requests × candidates) that wait or are computed. */
  readonly rows: () => number
  /** Seconds that a pass has taken, as a running mean; 0 before the first. */
  readonly seconds: () => number
  /** Passes, and the rows that they had in all. */
  readonly passes: () => { readonly passes: number; readonly rows: number }
}

interface Job {
  readonly request: SampleRequest
  readonly options: SampleOptions
  readonly alike: string
  readonly answer: Deferred.Deferred<ReadonlyArray<Completion>, PolicyError>
  gone: boolean
}

/** Names what has to be equal within a pass. */
const alikeOf = (
  { listen }: SampleRequest,
  { count, grammar, maxTokens, temperature = 1, topP = 1 }: SampleOptions
): string => JSON.stringify([count, maxTokens, temperature, topP, grammar?.id ?? "", listen !== undefined])

/** The largest power of two that is not above. */
export const powerBelow = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)))

/** Pictures that are decoded at a time, over all callers: each is held whole meanwhile. */
const READERS = 4

/** Weight of the newest pass in the mean. */
const NEWEST = 0.2

/**
 * The policy, over the one that is provided, and its line.
 *
 * @param most rows of one pass
 */
export const make = Effect.fnUntraced(function*(most: number) {
  const inner = yield* Policy
  const session = yield* inner.session
  const bell = yield* Queue.sliding<void>(1)
  const line: Array<Job> = []
  let running = 0
  let [passes, computed, mean] = [0, 0, 0]

  const alone = (job: Job) =>
    Effect.flatMap(
      Effect.exit(Effect.map(session.sample([job.request], job.options), ([group = []]) => group)),
      (exit) => Deferred.done(job.answer, exit)
    )

  const pass = Effect.fnUntraced(function*(jobs: ReadonlyArray<Job>, options: SampleOptions) {
    const began = performance.now()
    running = jobs.length * options.count
    const found = yield* Effect.exit(session.sample(jobs.map(({ request }) => request), options))
    const seconds = (performance.now() - began) / 1000
    // Before anybody is answered: who is sees the line without itself.
    mean = passes === 0 ? seconds : mean + NEWEST * (seconds - mean)
    passes++
    computed += running
    running = 0
    if (Exit.isSuccess(found)) {
      yield* Effect.forEach(jobs, ({ answer }, i) => Deferred.succeed(answer, found.value[i] ?? []), { discard: true })
    } else if (jobs.length === 1) {
      yield* Effect.forEach(jobs, ({ answer }) => Deferred.failCause(answer, found.cause), { discard: true })
    } else yield* Effect.forEach(jobs, alone, { discard: true })
  })

  /** The jobs of the next pass, taken out of the line. */
  const next = (): ReadonlyArray<Job> => {
    for (let i = line.length - 1; i >= 0; i--) if (line[i]?.gone === true) line.splice(i, 1)
    const [oldest] = line
    if (oldest === undefined) return []
    const like = line.filter(({ alike }) => alike === oldest.alike)
    const jobs = like.slice(0, powerBelow(Math.min(like.length, most / oldest.options.count)))
    for (const job of jobs) line.splice(line.indexOf(job), 1)
    return jobs
  }

  const work = Effect.gen(function*() {
    for (;;) {
      const jobs = next()
      const [first] = jobs
      if (first === undefined) {
        yield* Queue.take(bell)
        // Those who were answered together ask again together: let them all arrive.
        yield* Effect.yieldNow
        continue
      }
      yield* pass(jobs, first.options)
    }
  })
  yield* Effect.forkScoped(work)

  const sample: Session["sample"] = (requests, options) =>
    Effect.forEach(requests, (request) =>
      Effect.gen(function*() {
        const answer = yield* Deferred.make<ReadonlyArray<Completion>, PolicyError>()
        const job: Job = { request, options, alike: alikeOf(request, options), answer, gone: false }
        line.push(job)
        yield* Queue.offer(bell, undefined)
        return yield* Effect.onInterrupt(Deferred.await(answer), () =>
          Effect.sync(() => {
            job.gone = true
          }))
      }), { concurrency: "unbounded" })

  const told: Line = {
    rows: () => running + line.reduce((sum, { gone, options }) => sum + (gone ? 0 : options.count), 0),
    seconds: () => mean,
    passes: () => ({ passes, rows: computed })
  }
  const gate = yield* Semaphore.make(READERS)
  const { prepare } = session
  const shared: Session = {
    ...session,
    sample,
    ...(prepare !== undefined && { prepare: (image) => gate.withPermit(prepare(image)) })
  }
  const gathered = Policy.of({ ...inner, session: Effect.succeed(shared) })
  return { policy: gathered, line: told }
})
