/**
 * What is measured and how: two contestants do the same work in turns, in one run on one machine.
 *
 * Turns alternate so that a machine that slows down slows both; the figure of each is the median over all turns.
 */
import { Effect, Option, type Scope } from "effect"
import { machine } from "./Machine.ts"

/** Something that can be timed. */
export interface Contestant {
  /** Settings included: "PyTorch 2.9 eager, 2 threads". */
  readonly name: string
  /** Seconds of each of `count` repetitions. */
  readonly seconds: (count: number) => Effect.Effect<ReadonlyArray<number>, BenchError>
  /** The most that its process has held so far, in GiB, where it has one of its own. */
  readonly peakGib?: () => number | undefined
  /** Processor seconds of the last repetition, where it is a process. */
  readonly processorSeconds?: () => number | undefined
  /** Seconds of ways to do the same that it was not chosen for, by what they are. */
  readonly notes?: Readonly<Record<string, number>>
}

/** A contestant could not be set up or broke down. */
export class BenchError extends Error {
  override readonly name = "BenchError"
}

/** One line of output. */
export interface Bench {
  /** Such as "train/step". */
  readonly name: string
  /** Sizes, in words. */
  readonly shape: string
  readonly unit: "ms" | "s" | "tokens/s" | "items/s"
  /** Tokens or items of one repetition; 1 where the unit is a time. */
  readonly amount: number
  readonly ours: Effect.Effect<Contestant, unknown, Scope.Scope>
  /** None where there is nothing to compare with on this machine. */
  readonly peer: Effect.Effect<Option.Option<Contestant>, unknown, Scope.Scope>
  /** Further peers, each reported as the first is. */
  readonly others?: ReadonlyArray<Bench["peer"]>
  /** Turns of each contestant, where each takes so long that fewer have to do. */
  readonly rounds?: number
  /** It takes minutes: run where it is named, not with all. */
  readonly long?: boolean
}

/** What a peer came to. */
export interface Compared {
  readonly peer: number | null
  readonly peer_name: string | null
  /** Our time ÷ the peer's: lower is better. */
  readonly ratio: number | null
}

/** What a contestant in a process of its own tells beside its times. */
export interface Told {
  readonly peak_gib?: number
  readonly processor_seconds?: number
  /** Seconds of ways that it was not chosen for. */
  readonly notes?: Readonly<Record<string, number>>
}

export interface Line extends Compared {
  readonly name: string
  readonly unit: Bench["unit"]
  readonly ours: number
  readonly others?: ReadonlyArray<Compared>
  /** By contestant, "ours" or the peer's name. */
  readonly told?: Readonly<Record<string, Told>>
  /** Sizes and our settings. */
  readonly shape: string
  readonly machine: string
}

export interface Effort {
  /** Turns of each contestant. */
  readonly rounds: number
  /** Repetitions of a turn fill about this long. */
  readonly turnSeconds: number
}

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return (low + high) / 2
}

const rounded = (x: number): number => Number(x.toPrecision(4))

/** Where there is no peer on this machine. */
const nobody: Compared = { peer: null, peer_name: null, ratio: null }

const toldBy = ({ notes, peakGib, processorSeconds }: Contestant): Told | undefined => {
  const [peak, processor] = [peakGib?.(), processorSeconds?.()]
  const told = {
    ...(peak !== undefined && { peak_gib: rounded(peak) }),
    ...(processor !== undefined && { processor_seconds: rounded(processor) }),
    ...(notes !== undefined && { notes })
  }
  return Object.keys(told).length === 0 ? undefined : told
}

/** What takes this many seconds is warm after one repetition, and timed as few times as will do. */
const SLOW = 3

/** Runs one bench. */
export const measure = (bench: Bench, effort: Effort): Effect.Effect<Line, unknown> =>
  Effect.scoped(Effect.gen(function*() {
    const ours = yield* bench.ours
    const peers = yield* Effect.forEach([bench.peer, ...bench.others ?? []], (peer) => peer)
    const rounds = Math.min(effort.rounds, bench.rounds ?? effort.rounds)
    const turns = yield* Effect.forEach(
      [ours, ...peers.flatMap(Option.toArray)],
      (contestant) =>
        Effect.gen(function*() {
          const times: Array<number> = []
          // One turn is all there is: what is measured is cold.
          if (rounds === 1) return { contestant, count: 1, times }
          const [first = 1] = yield* contestant.seconds(1)
          const [once = 1] = first > SLOW ? [first] : yield* contestant.seconds(1)
          return { contestant, count: Math.max(1, Math.min(200, Math.round(effort.turnSeconds / once))), times }
        })
    )
    for (let round = 0; round < rounds; round++) {
      // Who goes first changes too.
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
        turn.times.push(...yield* turn.contestant.seconds(turn.count))
        // Thread pools spin for a moment after their last task.
        yield* Effect.sleep("20 millis")
      }
    }
    const figure = (seconds: number) =>
      rounded(bench.unit === "ms" ? 1000 * seconds : bench.unit === "s" ? seconds : bench.amount / seconds)
    const secondsOf = (contestant: Contestant) =>
      median(turns.find((turn) => turn.contestant === contestant)?.times ?? [])
    const mine = secondsOf(ours)
    const [first = nobody, ...others] = peers.map(Option.match({
      onNone: () => nobody,
      onSome: (peer): Compared => {
        const theirs = secondsOf(peer)
        return { peer: figure(theirs), peer_name: peer.name, ratio: rounded(mine / theirs) }
      }
    }))
    const told = turns.flatMap(({ contestant }) => {
      const told = toldBy(contestant)
      return told === undefined ? [] : [[contestant === ours ? "ours" : contestant.name, told] as const]
    })
    const line: Line = {
      name: bench.name,
      unit: bench.unit,
      ours: figure(mine),
      ...first,
      ...(others.length > 0 && { others }),
      ...(told.length > 0 && { told: Object.fromEntries(told) }),
      shape: `${bench.shape}; ours: ${ours.name}`,
      machine: machine()
    }
    return line
  }))

/** Times an effect in this process. */
export const timed = <E>(name: string, effect: Effect.Effect<unknown, E>): Contestant => ({
  name,
  seconds: Effect.fnUntraced(function*(count) {
    const times: Array<number> = []
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      yield* Effect.mapError(
        effect,
        (cause) => new BenchError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
      )
      times.push((performance.now() - start) / 1000)
    }
    return times
  })
})

/** Times a plain function in this process. */
export const timedSync = (name: string, run: () => unknown): Contestant => timed(name, Effect.sync(run))

/** The fastest of several settings, after a warm-up of each: what the peers do too. */
export const fastest = (
  candidates: ReadonlyArray<Effect.Effect<Contestant, unknown, Scope.Scope>>
): Effect.Effect<Contestant, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    let best: { readonly index: number; readonly seconds: number } | undefined
    for (const [index, candidate] of candidates.entries()) {
      // Each is closed before the next opens: idle workers of one must not disturb another.
      const seconds = yield* Effect.scoped(Effect.gen(function*() {
        const contestant = yield* candidate
        const [first = 1] = yield* contestant.seconds(1)
        const found = Math.min(...yield* contestant.seconds(first > SLOW ? 1 : 3))
        if (process.env["RISE_BENCH_VERBOSE"]) console.error(contestant.name, found)
        return found
      }))
      if (best === undefined || seconds < best.seconds) best = { index, seconds }
    }
    return yield* candidates[best?.index ?? 0] ?? Effect.fail(new BenchError("no settings to choose from"))
  })
