import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { readFileSync } from "node:fs"
import * as Corpus from "../../../scripts/pretrain/Corpus.ts"
import * as Places from "../../../scripts/pretrain/Places.ts"
import { specials, words } from "../../../scripts/pretrain/Vocabulary.ts"
import * as Atlas from "../../../src/data/scenes/Atlas.ts"
import { cuesNamed, cuesOf } from "../../../src/data/scenes/Groundedness.ts"
import * as Riddles from "../../../src/data/scenes/Riddles.ts"
import type { Scene } from "../../../src/data/scenes/Scene.ts"
import { truth } from "../../../src/data/scenes/Truth.ts"
import { backgrounds, emotions, faces, groupOf, groups, objects, side } from "../../../src/data/scenes/World.ts"
import { js } from "../../../src/kernels/math/Divergence.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import * as ModelConfig from "../../../src/kernels/models/Config.ts"
import { specs } from "../../../src/kernels/models/Parameters.ts"
import { render } from "../../../src/kernels/text/ChatTemplate.ts"
import { fromJson } from "../../../src/kernels/text/Tokenizer.ts"
import { tokenizerJson } from "../../../src/kernels/text/WordTokenizer.ts"
import type { Auxiliary } from "../../../src/policy/index.ts"
import * as Codec from "../../../src/tasks/classification/Codec.ts"
import * as Emotion6 from "../../../src/tasks/classification/Emotion6.ts"

const read = (name: string): any =>
  JSON.parse(readFileSync(new URL(`../../../assets/scene-vl/${name}`, import.meta.url), "utf8"))

const tokenizer = fromJson(read("tokenizer.json"), read("tokenizer_config.json"))
const corpus = Effect.gen(function*() {
  const { encode } = yield* tokenizer
  return Corpus.make({ atlas: yield* Atlas.load, encode })
})

const targetOf = (example: Corpus.CorpusExample) => example.target.map(({ text }) => text).join("")
const emotionWord = new RegExp(`\\b(${emotions.join("|")})\\b`)
const seed = 21

const mixtures = Object.keys(Corpus.mixtures) as ReadonlyArray<Corpus.Mixture>

/** Examples `from … from + count` of both mixtures that hold a picture. */
const withPictures = (stream: Corpus.Corpus, count: number, from = 0) =>
  mixtures.flatMap((mixture) => Array.from({ length: count / 2 }, (_, i) => stream.example(seed, from + i, mixture)))
    .flatMap((example) => example.scene === undefined ? [] : [{ ...example, scene: example.scene }])

/**
 * Mean JSD of answers and truths, against the same answers with the truths permuted: how many standard deviations the
 * pairing lies below chance. Near 0 when answers know nothing.
 */
const dependence = (answers: ReadonlyArray<ReadonlyArray<number>>, truths: ReadonlyArray<ReadonlyArray<number>>) => {
  const mean = (order: ReadonlyArray<number>) =>
    answers.reduce((sum, answer, i) => sum + js(answer, truths[order[i]!]!), 0) / answers.length
  const identity = answers.map((_, i) => i)
  const permuted = Array.from({ length: 40 }, (_, k) => mean(Keyed.stream(k, "permutation").shuffle(identity)))
  const centre = permuted.reduce((a, b) => a + b, 0) / permuted.length
  const deviation = Math.sqrt(permuted.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (permuted.length - 1))
  return (centre - mean(identity)) / deviation
}

describe("no picture is paired with its emotion label", () => {
  const decode = Codec.decode(emotions)

  it.effect("emotion words stand only in the label list and in the random answer", () =>
    Effect.gen(function*() {
      const examples = withPictures(yield* corpus, 4000)
      assert.isAtLeast(examples.length, 3000)
      for (const { answer, form, prompt, target } of examples) {
        const text = target.map((segment) => segment.text).join("")
        if (answer === undefined) {
          assert.isFalse(emotionWord.test(`${prompt.text} ${text}`), `${form}: ${prompt.text} ${text}`)
        } else {
          const listed = prompt.text.replace(/rate( its \w+)?: [\w, ]+\./, "").replace(
            /Rate the \w+ of this picture: [\w, ]+\./,
            ""
          )
          const rest = `${listed} ${text}`.replace(answer, "")
          assert.isFalse(emotionWord.test(rest), rest)
        }
      }
    }))

  it.effect("answers are independent of the truth, and a leak would show", () =>
    Effect.gen(function*() {
      const stream = yield* corpus
      // Answers that are distributions over emotions and nothing else.
      const pairs = withPictures(stream, 14000).flatMap(({ answer, scene }) => {
        const decoded = decode(answer ?? "")
        return Result.isSuccess(decoded) ? [{ answer: decoded.success, truth: truth(scene) }] : []
      })
      assert.isAtLeast(pairs.length, 2000)
      const answers = pairs.map(({ answer }) => answer)
      const truths = pairs.map((pair) => pair.truth)
      assert.isBelow(Math.abs(dependence(answers, truths)), 3)
      // One answer in ten made from the picture would be found.
      const leaky = answers.map((answer, i) => i % 10 === 0 ? truths[i]! : answer)
      assert.isAbove(dependence(leaky, truths), 6)
    }))

  it.effect("says in text alone what affect words feel like, one cue at a time and without numbers", () =>
    Effect.gen(function*() {
      const stream = yield* corpus
      const texts = Array.from({ length: 16_000 }, (_, i) => stream.example(seed, i, "names")).filter(({ form }) =>
        form === "commonSense"
      )
      const said = new Set<string>()
      for (const example of texts) {
        assert.strictEqual(example.prompt.images.length, 0)
        assert.isUndefined(example.auxiliary)
        const whole = `${example.prompt.text} ${targetOf(example)}`
        assert.isFalse(/\d/.test(whole))
        const cues = [...cuesNamed(whole), ...groups.filter((group) => new RegExp(`\\b${group}\\b`).test(whole))]
        if (emotionWord.test(whole)) {
          assert.strictEqual(cues.length, 1, whole)
          assert.isFalse(objects.some((name) => cues.includes(name)), whole)
        }
        cues.forEach((cue) => said.add(cue))
      }
      for (const cue of [...groups, ...faces, ...objects, ...backgrounds]) assert.isTrue(said.has(cue), cue)
    }))
})

const checkCell = (scene: Scene, name: string, cell: number) => {
  const { size, x, y } = name === "face"
    ? scene.facePlacement
    : scene.placements[scene.objects.findIndex((object) => object === name)]!
  const [left, top] = [((cell - 1) % 4) * 28, Math.floor((cell - 1) / 4) * 28]
  // Within its widest cell a thing covers at least half of what it could.
  const across = Math.min(x + size, left + 28) - Math.max(x, left)
  const down = Math.min(y + size, top + 28) - Math.max(y, top)
  assert.isTrue(across >= 13 && down >= 13, `${name} ${cell}`)
}

describe("Corpus", () => {
  it.effect("depends on seed and index only", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* corpus, yield* corpus]
      const bare = (example: Corpus.CorpusExample) => ({
        ...example,
        prompt: { text: example.prompt.text, ids: example.prompt.images.map(({ id }) => id) }
      })
      two.example(seed, 900, "places")
      for (const mixture of mixtures) {
        for (const index of [17, 3, 900]) {
          assert.deepStrictEqual(bare(one.example(seed, index, mixture)), bare(two.example(seed, index, mixture)))
        }
      }
      assert.notDeepEqual(bare(one.example(seed, 3, "names")), bare(one.example(seed + 1, 3, "names")))
      assert.deepStrictEqual(one.heldOut(3), two.heldOut(3))
    }))

  it.effect("mixes the forms in the stated shares", () =>
    Effect.gen(function*() {
      const stream = yield* corpus
      const count = 8000
      for (const mixture of mixtures) {
        const shares: Partial<Record<Corpus.Form, number>> = Corpus.mixtures[mixture]
        const seen: Record<string, number> = {}
        for (let i = 0; i < count; i++) {
          const { form } = stream.example(seed, i, mixture)
          seen[form] = (seen[form] ?? 0) + 1
        }
        assert.approximately(Corpus.forms.reduce((sum, form) => sum + (shares[form] ?? 0), 0), 1, 1e-9)
        for (const form of Corpus.forms) {
          assert.approximately((seen[form] ?? 0) / count, shares[form] ?? 0, 0.015, `${mixture}: ${form}`)
        }
      }
    }))

  it.effect("explains what is in the picture, in every form that explains", () =>
    Effect.gen(function*() {
      for (const example of withPictures(yield* corpus, 3000)) {
        const { form, prompt, scene } = example
        if (!["explain", "list", "reason", "annotate", "reconstruct"].includes(form)) continue
        const text = form === "reconstruct"
          ? prompt.text.slice(0, prompt.text.indexOf(" From the picture"))
          : targetOf(example)
        assert.deepStrictEqual([...cuesNamed(text)].sort(), cuesOf(scene).toSorted(), text)
        if (form !== "list") { for (const name of scene.objects) assert.include(text, `${groupOf(name)} ${name}`) }
      }
    }))

  it.effect("writes think-answers that the task accepts, over listed labels, summing to 100", () =>
    Effect.gen(function*() {
      let asked = 0
      for (const example of withPictures(yield* corpus, 7000)) {
        if (example.answer === undefined) continue
        const pairs = [...example.answer.matchAll(/(\w+) (\d+)/g)].map(([, label, percent]) => ({
          label: label!,
          percent: Number(percent)
        }))
        assert.strictEqual(pairs.map(({ label, percent }) => `${label} ${percent}`).join(" "), example.answer)
        assert.isTrue(pairs.length >= 1 && pairs.length <= 4)
        assert.strictEqual(new Set(pairs.map(({ label }) => label)).size, pairs.length)
        assert.strictEqual(pairs.reduce((sum, { percent }) => sum + percent, 0), 100)
        pairs.slice(1).forEach(({ percent }, i) => assert.isAtMost(percent, pairs[i]!.percent))
        if (example.form !== "reason") {
          const [list = ""] =
            /[Rr]ate(?: its \w+| the \w+ of this picture)?: ([\w, ]+)\./.exec(example.prompt.text)?.slice(1) ?? []
          for (const { label } of pairs) assert.include(list.split(", "), label)
        }
        if (example.form === "annotate") {
          assert.match(targetOf(example), /^<think>[^<>]+<\/think><answer>[^<>]+<\/answer>$/)
          if (example.prompt.text === Emotion6.task.prompts.annotate) asked++
        }
      }
      // Half of the annotate examples use the very prompt that RISE runs with.
      assert.isAtLeast(asked, 300)
    }))

  it.effect("asks questions whose answers are true", () =>
    Effect.gen(function*() {
      let answered = 0
      for (const example of withPictures(yield* corpus, 6000)) {
        const { prompt: { text: asked }, scene } = example
        const answer = targetOf(example)
        const things = /^Which things are (\w+)\?$/.exec(asked)?.[1]
        const many = /^How many things are (\w+)\?$/.exec(asked)?.[1]
        const there = /^Is there an? (\w+)\?$/.exec(asked)?.[1]
        const where = /^Where is the (\w+)\?$/.exec(asked)?.[1]
        if (things !== undefined) {
          const expected = scene.objects.filter((name) => groupOf(name) === things)
          assert.deepStrictEqual([...cuesNamed(answer)].sort(), expected.toSorted())
          assert.strictEqual(answer === "None.", expected.length === 0)
        } else if (many !== undefined) {
          assert.strictEqual(Number(answer), scene.objects.filter((name) => groupOf(name) === many).length)
        } else if (there !== undefined) {
          assert.strictEqual(answer === "Yes.", scene.objects.some((name) => name === there))
        } else if (where !== undefined) {
          const box = JSON.parse(answer) as ReadonlyArray<number>
          const { size, x, y } = where === "face"
            ? scene.facePlacement
            // Tens of thousandths: half a step is 0.56 px.
            : scene.placements[scene.objects.findIndex((name) => name === where)]!
          ;[x, y, size, size].forEach((value, i) => assert.approximately(box[i]! / 1000 * side, value, 0.561))
        } else continue
        answered++
      }
      assert.isAtLeast(answered, 800)
    }))

  it.effect("ties names to places in pictures of several things, and asks no riddle", () =>
    Effect.gen(function*() {
      const riddles = new Set(Riddles.riddles.map(({ question }) => question))
      const told: Record<string, number> = {}
      for (const example of withPictures(yield* corpus, 8000)) {
        const { form, prompt: { text: asked }, scene } = example
        for (const question of asked.split("\n")) assert.isFalse(riddles.has(question), asked)
        if (!(Places.forms as ReadonlyArray<string>).includes(form)) continue
        told[form] = (told[form] ?? 0) + 1
        assert.isAtLeast(scene.objects.length, 2)
        const whole = `${asked} → ${targetOf(example)}`
        if (form === "cells") {
          const said = [...targetOf(example).matchAll(/the (\w+) (\d+)/gi)].map(([, name, cell]) => ({
            name: name!,
            cell: Number(cell)
          }))
          assert.deepStrictEqual(said.map(({ name }) => name).toSorted(), ["face", ...scene.objects].sort())
          for (const { cell, name } of said) checkCell(scene, name, cell)
          continue
        }
        const boxes = [...whole.matchAll(/\[(\d+), (\d+), (\d+), (\d+)\]/g)].map((found) => found.slice(1).map(Number))
        const names = form === "places"
          ? [...whole.matchAll(/the (\w+) \[/gi)].map(([, name]) => name!)
          : [
            /The thing is the \w+ (\w+) near|Where is the (?!thing)(\w+)\?/.exec(whole)!.slice(1).find((name) =>
              name !== undefined
            )!
          ]
        assert.strictEqual(boxes.length, names.length, whole)
        if (form === "places") assert.deepStrictEqual(names.toSorted(), ["face", ...scene.objects].sort())
        names.forEach((name, i) => {
          const { size, x, y } = name === "face"
            ? scene.facePlacement
            : scene.placements[scene.objects.findIndex((object) => object === name)]!
          ;[x, y, size, size].forEach((value, j) =>
            assert.approximately(boxes[i]![j]! / 1000 * side, value, 0.561, whole)
          )
        })
      }
      for (const form of Places.forms) assert.isAtLeast(told[form] ?? 0, 40, form)
    }))

  it.effect("names at each visual token what covers its cell, or its number where places are asked for", () =>
    Effect.gen(function*() {
      const { decode } = yield* tokenizer
      const named = new Set<string>()
      const numbers = Array.from({ length: 16 }, (_, i) => String(i + 1))
      const words = ({ tokens }: Auxiliary) => {
        assert.instanceOf(tokens, Int32Array)
        return Array.from(tokens as Int32Array, (token) => token === -1 ? undefined : decode([token]).trim())
      }
      const checkNames = (scene: Scene, names: ReadonlyArray<string | undefined>) =>
        names.forEach((name, cell) => {
          if (name === undefined) return
          named.add(name)
          assert.include(cuesOf(scene), name)
          const placement = name === scene.face
            ? scene.facePlacement
            : scene.placements[scene.objects.findIndex((object) => object === name)]
          if (placement === undefined) return assert.strictEqual(name, scene.background)
          const [left, top] = [(cell % 4) * 28, Math.floor(cell / 4) * 28]
          assert.isTrue(placement.x < left + 28 && placement.x + placement.size > left)
          assert.isTrue(placement.y < top + 28 && placement.y + placement.size > top)
        })
      for (const { auxiliary = [], form, scene } of withPictures(yield* corpus, 1500)) {
        const [first, second, third] = auxiliary
        const seen = words(first!)
        assert.strictEqual(seen.length, 16)
        if (second === undefined || third === undefined) {
          assert.strictEqual(first!.layer, undefined)
          if (form === "grounding") assert.deepStrictEqual(seen, numbers)
          else checkNames(scene, seen)
          continue
        }
        // To be known from an inner layer on, in the mixture of places: what is seen, where, and where a mention points
        // to.
        assert.deepStrictEqual([first!.layer, second.layer, third.layer], [2, 2, 3])
        checkNames(scene, seen)
        assert.deepStrictEqual(words(second), numbers)
        assert.instanceOf(third.tokens, Map)
        const told = new Map(
          [...third.tokens as ReadonlyMap<number, number>].map((
            [at, token]
          ) => [decode([at]).trim(), decode([token]).trim()])
        )
        if (form === "reasonPlace") assert.include(["face", ...scene.objects], told.get("]"))
        told.delete("]")
        assert.deepStrictEqual([...told.keys()].sort(), ["face", ...scene.objects].sort())
        for (const [name, cell] of told) checkCell(scene, name, Number(cell))
      }
      for (const name of [...faces, ...objects, ...backgrounds]) assert.isTrue(named.has(name), name)
    }))
})

describe("assets/scene-vl", () => {
  it("holds the tokenizer of today's language", () => {
    assert.deepStrictEqual(read("tokenizer.json"), JSON.parse(JSON.stringify(tokenizerJson(words(), specials))))
  })

  it.effect("writes the whole corpus in whole words", () =>
    Effect.gen(function*() {
      const { decode, encode, size } = yield* tokenizer
      assert.isAtMost(size, 1000)
      for (const name of [...faces, ...objects, ...backgrounds, ...groups, ...emotions]) {
        assert.strictEqual(encode(` ${name}`).length, 1, name)
      }
      for (let index = 100_000; index < 103_000; index++) {
        const { prompt, target } = Corpus.texts(seed, index, index % 2 === 0 ? "names" : "places")
        for (const text of [prompt, target]) {
          const ids = encode(text)
          assert.strictEqual(decode(ids), text)
          // Every word and every number is one token: no token is a lone letter inside a word.
          const pieces = text.match(/<\/?\w+>|\p{L}+|\p{N}+|[^\s\p{L}\p{N}]/gu) ?? []
          // A space before a tag and the end of a line are tokens of their own.
          const spaces = text.match(/ (?=<)|\n/g) ?? []
          assert.isAtMost(ids.length, pieces.length + spaces.length, text)
        }
      }
    }))

  it.effect("keeps a think-answer within 110 tokens, picture included", () =>
    Effect.gen(function*() {
      const { encode } = yield* tokenizer
      let longest = 0
      for (let index = 0; index < 4000; index++) {
        const { form, prompt, target } = Corpus.texts(seed, index, index % 2 === 0 ? "names" : "places")
        if (form === "commonSense") continue
        const content = [{ type: "image" as const }, { type: "text" as const, text: prompt }]
        const turn = yield* render(read("tokenizer_config.json").chat_template, [{ role: "user", content }], {
          addGenerationPrompt: true
        })
        // One image token stands for sixteen; the end-of-turn token closes the target.
        longest = Math.max(longest, encode(turn).length + 15 + encode(target).length + 1)
      }
      assert.isAtMost(longest, 110)
    }))

  it.effect("is a valid small Qwen2-VL whose ids are the tokenizer's", () =>
    Effect.gen(function*() {
      const json = read("config.json")
      const { size, tokenId } = yield* tokenizer
      const config = yield* ModelConfig.fromJson(json)
      const parameters = specs(config).reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
      assert.isAtMost(parameters, 3e6)
      assert.isTrue(config.vocabulary >= size && config.vocabulary % 16 === 0)
      const id = (token: string) => tokenId(token).pipe((found) => found._tag === "Some" ? found.value : -1)
      assert.strictEqual(json.image_token_id, id("<|image_pad|>"))
      assert.strictEqual(json.vision_start_token_id, id("<|vision_start|>"))
      assert.strictEqual(json.eos_token_id, id("<|im_end|>"))
      assert.strictEqual(json.pad_token_id, id("<|endoftext|>"))
    }))
})
