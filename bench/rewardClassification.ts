/** `reward/classification`: eq. 1 of the closed loop on texts: leakage, format, decoding, similarity. */
import { Effect } from "effect"
import * as Reward from "../src/dsl/Reward.ts"
import { Divergence, Keyed } from "../src/kernels/math/index.ts"
import { Emotion6 } from "../src/tasks/classification/index.ts"
import { type Bench, timedSync } from "./harness/Contest.ts"
import { python } from "./harness/Peer.ts"
import { withWorkload } from "./harness/Workload.ts"

const SAMPLES = 128
const GROUP = 8

const words =
  ("the a face smiles cries frowns under clear stormy sky at night with party popper candle coffin snake dog crowd " +
    "people look happy sad lonely warm dark menacing festive mournful because their mood is light and").split(" ")

/** A vote of 15 raters. */
const votes = (draw: Keyed.Stream) => {
  const counts = Emotion6.labels.map(() => 0)
  for (let rater = 0; rater < 15; rater++) {
    const label = Math.min(draw.int(7), draw.int(7))
    counts[label] = (counts[label] ?? 0) + 1
  }
  return Divergence.normalise(counts)
}

/** Turns as a policy produces them: mostly well formed, a tenth leaking, a tenth that do not decode. */
const turns = Array.from({ length: SAMPLES }, (_, i) => votes(Keyed.stream(0, `truth/${i}`))).flatMap((truth, i) =>
  Array.from({ length: GROUP }, (_, g) => {
    const draw = Keyed.stream(0, `turn/${i}/${g}`)
    const reasoning = Array.from({ length: 30 + draw.int(30) }, () => draw.pick(words)).join(" ")
    const answer = Emotion6.task.encode(votes(draw))
    const kind = draw.int(10)
    return {
      truth,
      reasoning: kind === 0 ? `${reasoning}, ${Emotion6.task.encode(truth)}` : `${reasoning}.`,
      reconstruction: kind === 1 ? `${answer} ${answer}` : answer
    }
  })
)

const score = Reward.cot(Emotion6.task)
const total = () => turns.reduce((sum, turn) => sum + score(turn).reward, 0)

export const benches: ReadonlyArray<Bench> = [{
  name: "reward/classification",
  shape: `eq. 1 on ${SAMPLES} samples × ${GROUP} turns, 7 labels, 30–60 words of reasoning`,
  unit: "items/s",
  amount: turns.length,
  ours: Effect.succeed(timedSync("one thread", total)),
  peer: Effect.suspend(() =>
    withWorkload(
      { labels: Emotion6.labels, turns, total: total() },
      (path) => python("reward_classification.py", [path])
    )
  )
}]
