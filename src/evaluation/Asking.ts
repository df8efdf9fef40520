/**
 * Asking a policy about many pictures, so that neither one picture nor an interruption takes the others' answers along.
 *
 * - A request that is refused, whose picture cannot be read or that is too long for the model is an answer without a
 *   text that says why. As long as nothing has been answered, nobody knows whether the pictures or the set-up are to
 *   blame: a few refusals in a row in the same words, or a whole pass of nothing else, end the work.
 * - Answers are kept as they come (`Spool`), and not asked for again when the work is resumed. Refusals are kept from
 *   the first answer on; pictures that cannot be read or do not fit are looked at again.
 * - A policy that is asked one request at a time is asked no more when one fails, but what is under way has a while to
 *   end: it is paid for.
 */
import { Deferred, Effect, Option } from "effect"
import type { RunError } from "../dsl/RunError.ts"
import type { Spool } from "../dsl/Spool.ts"
import { complete, hopeless, patience, sampleAll } from "../dsl/stages/Sampling.ts"
import { Decode, ImageError } from "../kernels/image/index.ts"
import { TokenBudgetError } from "../policy/onnx/ContextLimit.ts"
import { type Completion, PolicyError, type SampleOptions, type SampleRequest, type Session } from "../policy/Policy.ts"
import * as Kept from "./Kept.ts"

/** How long requests that are under way may take to end when another has failed. */
const GRACE = "30 seconds"

export interface Options {
  readonly session: Session
  readonly sampling: Omit<SampleOptions, "count">
  /** Where answers are kept; none: they are not. */
  readonly spool?: Spool
}

export interface Asking {
  /** One completion for each request, in order. To resume, ask the same in the same order over all calls. */
  readonly ask: (
    requests: ReadonlyArray<SampleRequest>
  ) => Effect.Effect<ReadonlyArray<Completion>, PolicyError | RunError>
  /** Fails where every request was refused: nothing is known of the policy then. */
  readonly answered: Effect.Effect<void, PolicyError>
}

const nothing: Completion = { text: "", tokens: new Int32Array(0), logprobs: new Float32Array(0), finish: "stop" }

const without = (reason: string, cause: ImageError | TokenBudgetError): Completion => (
  { ...nothing, fault: reason, refused: new PolicyError({ operation: "sample", reason, cause }) }
)

/** What is wrong with a request itself: it is found out anew each time, and costs nothing. */
const isOwn = ({ refused }: Completion): boolean =>
  refused?.cause instanceof ImageError || refused?.cause instanceof TokenBudgetError

/** Does the work for every item until one fails: then none is begun any more, and those under way have their while. */
const each = <A, E, R>(items: ReadonlyArray<A>, concurrency: number, work: (item: A) => Effect.Effect<void, E, R>) =>
  Effect.gen(function*() {
    const failed = yield* Deferred.make<never, E>()
    const all = Effect.forEach(
      items,
      (item) =>
        Effect.flatMap(
          Deferred.isDone(failed),
          (over) => over ? Effect.void : Effect.catch(work(item), (error) => Deferred.fail(failed, error))
        ),
      { concurrency, discard: true }
    )
    yield* Effect.raceFirst(all, Effect.andThen(Effect.exit(Deferred.await(failed)), Effect.sleep(GRACE)))
    if (yield* Deferred.isDone(failed)) return yield* Deferred.await(failed)
  })

/** A fault with its picture's name: faults of files begin with it, faults of texts do not. */
export const faultOf = (image: string, fault: string): string => fault.startsWith(image) ? fault : `${image}: ${fault}`

/** What refusals have in common beside numbers and ids. */
const wordsOf = ({ fault = "" }: Completion): string => fault.replace(/\w+/g, (word) => /\d/.test(word) ? "#" : word)

export const make = Effect.fnUntraced(function*({ sampling, session, spool }: Options) {
  const known = yield* Kept.read(spool)
  let answered = known.size > 0
  let asked = 0
  /** The last refusal, and how many in a row spoke like it. */
  let last = Option.none<Completion>()
  let row = 0
  const waiting: Array<Kept.Row> = []

  const note = (completion: Completion) => {
    if (completion.refused === undefined) {
      answered = true
    } else {
      // What is too long for the model was never asked.
      if (completion.refused.cause instanceof TokenBudgetError) {
        last = Option.some(completion)
        return
      }
      row = Option.exists(last, (before) => wordsOf(before) === wordsOf(completion)) ? row + 1 : 1
      last = Option.some(completion)
    }
  }

  /** Takes note of answers and keeps them. */
  const settle = (found: ReadonlyArray<Kept.Row>) =>
    Effect.suspend((): Effect.Effect<void, PolicyError | RunError> => {
      for (const { completion } of found) note(completion)
      if (spool !== undefined) {
        waiting.push(...found.filter(({ completion }) => !isOwn(completion)))
        if (answered) return spool.keep(waiting.splice(0).map(Kept.encode))
      }
      return !answered && row >= patience && Option.isSome(last)
        ? Effect.fail(hopeless(`the first ${row} requests were all`, last.value))
        : Effect.void
    })

  const sample = (requests: ReadonlyArray<SampleRequest>) =>
    session.oneByOne === undefined
      ? sampleAll(session, requests, { ...sampling, count: 1 })
      : Effect.flatMap(session.sample(requests, { ...sampling, count: 1 }), (groups) => complete(requests, 1, groups))

  /** Why a request's pictures cannot be read, where one of them cannot. */
  const unreadable = ({ prompt }: SampleRequest, known: ImageError) =>
    prompt.images.some(({ id }) => id === known.image)
      ? Effect.succeed(known)
      : Effect.match(Effect.forEach(prompt.images, (image) => Decode.load(image), { discard: true }), {
        onFailure: (error) => error,
        onSuccess: () => undefined
      })

  /** What keeps each request from being asked, where a call failed for what single ones hold. */
  const faultsOf = (
    requests: ReadonlyArray<SampleRequest>,
    { cause }: PolicyError
  ): Effect.Effect<ReadonlyArray<Completion | undefined>> => {
    if (cause instanceof TokenBudgetError) {
      const reasons = new Map(cause.unfit?.map(({ key, reason }) => [key, reason]))
      return Effect.succeed(requests.map(({ key }) => {
        const reason = reasons.get(key)
        return reason === undefined ? undefined : without(reason, cause)
      }))
    }
    if (!(cause instanceof ImageError)) return Effect.succeed([])
    return Effect.forEach(
      requests,
      (request) =>
        Effect.map(unreadable(request, cause), (error) => error === undefined ? error : without(error.message, error)),
      { concurrency: 4 }
    )
  }

  /** Asks for all at once. Where single ones cannot be asked, the others are asked again without them. */
  const together = (requests: ReadonlyArray<SampleRequest>): Effect.Effect<ReadonlyArray<Completion>, PolicyError> =>
    Effect.catch(
      Effect.map(sample(requests), (found) => requests.map((_, i) => found[i]?.[0] ?? nothing)),
      Effect.fnUntraced(function*(error: PolicyError) {
        const faults = yield* faultsOf(requests, error)
        const good = requests.filter((_, i) => faults[i] === undefined)
        if (good.length === requests.length) return yield* error
        const found = good.length === 0 ? [] : yield* together(good)
        let at = 0
        return faults.map((fault) => fault ?? found[at++] ?? nothing)
      })
    )

  const ask: Asking["ask"] = Effect.fnUntraced(function*(requests) {
    const first = asked
    asked += requests.length
    const places = requests.map((request, i) => ({ at: first + i, asked: Kept.fingerprint(request, sampling) }))
    const found = places.map(({ asked, at }) => {
      const before = known.get(at)
      return before?.asked === asked ? before.completion : undefined
    })
    const missing = requests.flatMap((request, i) => found[i] === undefined ? [{ request, i }] : [])
    const put = (i: number, completion: Completion) => {
      found[i] = completion
      const place = places[i]
      return place === undefined ? [] : [{ ...place, completion }]
    }
    const { oneByOne } = session
    if (oneByOne !== undefined) {
      yield* each(
        missing,
        oneByOne,
        ({ i, request }) => Effect.flatMap(together([request]), ([completion = nothing]) => settle(put(i, completion)))
      )
    } else if (missing.length > 0) {
      // What shares a call may share its rounding: all of it again, or none.
      const completions = yield* together(requests)
      yield* settle(completions.flatMap((completion, i) => put(i, completion)))
    }
    return found.map((completion) => completion ?? nothing)
  })

  const asking: Asking = {
    ask,
    answered: Effect.suspend(() =>
      answered || Option.isNone(last)
        ? Effect.void
        : Effect.fail(hopeless(`all of ${asked} requests were`, last.value))
    )
  }
  return asking
})
