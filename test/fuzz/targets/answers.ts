/** What models write. */
import { Effect, Option, Result } from "effect"
import * as ThinkAnswer from "../../../src/dsl/ThinkAnswer.ts"
import { Classification } from "../../../src/tasks/classification/index.ts"
import type * as Box from "../../../src/tasks/detection/Box.ts"
import * as Codec from "../../../src/tasks/detection/Codec.ts"
import { texts } from "../data.ts"
import { holds, type Target } from "../Target.ts"

const weather = Classification.make({ name: "weather", labels: ["sun", "rain", "snow"], subject: "weather" })
const one = Classification.make({ name: "weather", labels: ["sun", "rain"], subject: "weather", answer: "single" })
const boxed = <S extends Box.Space>({ decode }: Codec.Codec<S>) => (text: string): ReadonlyArray<unknown> | undefined =>
  Option.getOrUndefined(Option.map(Result.getSuccess(decode(text)), (found) => found.map(({ box }) => box)))
const boxes = [
  boxed(Codec.scenes({ labels: ["cup", "dog"], step: 10 })),
  boxed(Codec.qwen25Vl()),
  boxed(Codec.qwen3Vl()),
  boxed(Codec.qwen2Vl({ space: "thousandths" }))
]

export const targets: ReadonlyArray<Target> = [
  {
    name: "thinkAnswer",
    kind: "text",
    seeds: texts(
      "<think>It shines.</think><answer>sun 67 rain 33</answer>",
      "<think>\nWet\n</think>\n<answer>\nrain\n</answer><|im_end|>"
    ),
    run: (input) =>
      Effect.sync(() => {
        const text = Buffer.from(input).toString()
        ThinkAnswer.loose(text)
        const read = ThinkAnswer.read(text)
        if (Result.isFailure(read)) return false
        const { answer, reasoning } = read.success
        const again = Result.getOrThrow(ThinkAnswer.read(ThinkAnswer.write(reasoning, answer)))
        holds(again.answer === answer && again.reasoning === reasoning, () => "a text that does not come back")
        return true
      })
  },
  {
    name: "labels",
    kind: "text",
    seeds: texts("sun 67 rain 33", "snow 100", "rain", "sun 50 rain 30 snow 20"),
    run: (input) =>
      Effect.sync(() => {
        const text = Buffer.from(input).toString()
        const read = [weather, one].map((task) => Result.map(task.decode(text), (found) => ({ found, task })))
        for (const { found, task } of read.flatMap((each) => Option.toArray(Result.getSuccess(each)))) {
          holds(found.length === task.labels.length, () => "shares of other labels")
          holds(found.every((share) => share >= 0 && Number.isFinite(share)), () => `shares ${found.join()}`)
        }
        return read.some(Result.isSuccess)
      })
  },
  {
    name: "boxes",
    kind: "text",
    seeds: texts(
      "[{\"bbox_2d\": [1, 2, 90, 90], \"label\": \"cup\"}]",
      "```json\n[{'bbox_2d': [1, 2, 90, 90], 'label': 'dog'},]\n```",
      "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|>",
      "cup [10, 20, 300, 400] dog [50, 50, 100, 100]"
    ),
    run: (input) =>
      Effect.sync(() => {
        const text = Buffer.from(input).toString()
        const read = boxes.flatMap((decode) => {
          const found = decode(text)
          return found === undefined ? [] : [found]
        })
        holds(read.flat(2).every(Number.isFinite), () => `boxes ${JSON.stringify(read)}`)
        return read.length > 0
      })
  }
]
