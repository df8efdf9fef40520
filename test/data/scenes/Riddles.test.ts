import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Atlas from "../../../src/data/scenes/Atlas.ts"
import * as Objects from "../../../src/data/scenes/Objects.ts"
import * as Reasoning from "../../../src/data/scenes/Reasoning.ts"
import { answer, type Riddle, riddles } from "../../../src/data/scenes/Riddles.ts"
import * as Scene from "../../../src/data/scenes/Scene.ts"
import { isHeldOut } from "../../../src/data/scenes/Scenes.ts"
import * as Things from "../../../src/data/scenes/Things.ts"
import { heldOutStyle, isUnseen, objects, side, styles } from "../../../src/data/scenes/World.ts"

const riddle = (question: string): Riddle => riddles.find((one) => one.question === question) ?? assert.fail(question)

describe("Riddles", () => {
  it("are at least forty, of four kinds, none twice, and none names a thing", () => {
    assert.isAtLeast(riddles.length, 40)
    assert.strictEqual(new Set(riddles.map(({ question }) => question)).size, riddles.length)
    assert.deepStrictEqual([...new Set(riddles.map(({ kind }) => kind))].sort(), ["affect", "feeling", "place", "use"])
    for (const { question } of riddles) {
      for (const name of objects) assert.isFalse(new RegExp(`\\b${name}\\b`).test(question), question)
    }
  })

  it("have one answer or none", () => {
    const scene = (names: ReadonlyArray<string>, sizes: ReadonlyArray<number> = names.map(() => 30)) => ({
      objects: objects.filter((name) => names.includes(name)).sort((a, b) => names.indexOf(a) - names.indexOf(b)),
      facePlacement: { x: 0, y: 0, size: 40, mirrored: false },
      placements: sizes.map((size, i) => ({ x: 20 + 30 * i, y: 60, size, mirrored: false }))
    })
    const rain = riddle("Where is the thing of use in rainy weather?")
    assert.strictEqual(answer(rain, scene(["cup", "umbrella"])), 1)
    assert.isUndefined(answer(rain, scene(["cup", "key"])))
    const dry = riddle("Where is the thing with a dry place under it?")
    assert.strictEqual(answer(dry, scene(["umbrella", "key"])), 0)
    assert.isUndefined(answer(dry, scene(["umbrella", "bus"])), "one may well sit dry in a bus")
    const menacing = riddle("Where is something menacing?")
    assert.strictEqual(answer(menacing, scene(["cake", "wolf", "key"])), 1)
    assert.isUndefined(answer(menacing, scene(["snake", "wolf"])))
    assert.strictEqual(answer(riddle("Where is something with fear?"), scene(["cake", "wolf"])), 1)
    const largest = riddle("Where is the largest thing?")
    assert.strictEqual(answer(largest, scene(["cake", "wolf"], [30, 40])), 1)
    assert.isUndefined(answer(largest, scene(["cake", "wolf"], [38, 40])), "too close to call")
    const near = riddle("Where is the thing near the face?")
    assert.strictEqual(answer(near, scene(["cake", "wolf"])), 0)
  })
})

describe("Reasoning", () => {
  const train = Reasoning.asked({ split: "train" })
  const test = Reasoning.asked({ split: "test" })

  it("has the sizes of the emotion data, and the same samples for the same options", () => {
    assert.deepStrictEqual([train.length, test.length], [1386, 594])
    assert.deepStrictEqual(Reasoning.asked({ split: "train" }), train)
    assert.deepStrictEqual(Reasoning.asked({ split: "test", limit: 20 }), test.slice(0, 20))
    assert.notDeepEqual(Reasoning.asked({ split: "train", seed: 1 }), train)
    assert.strictEqual(new Set([...train, ...test].map(({ scene }) => scene.id)).size, 1980)
  })

  it("asks what its scene answers with one thing among others", () => {
    for (let seed = 0; seed < 3; seed++) {
      for (
        const { riddle, scene, target } of [
          ...Reasoning.asked({ split: "train", seed }),
          ...Reasoning.asked({ split: "test", seed })
        ]
      ) {
        assert.strictEqual(answer(riddle, scene), target, `${riddle.question} ${scene.objects.join()}`)
        assert.isAtLeast(scene.objects.length, 2)
        // By the table itself, without the function under test.
        if (riddle.kind !== "place") {
          assert.deepStrictEqual(scene.objects.filter((name) => riddle.fits.includes(name)), [scene.objects[target]])
        }
        for (const [i, a] of scene.placements.entries()) {
          for (const b of [scene.facePlacement, ...scene.placements.slice(i + 1)]) {
            assert.isBelow(Scene.overlap(a, b), Scene.overlapLimit)
          }
        }
      }
    }
  })

  it("keeps unseen objects and combinations for the test half", () => {
    for (const { scene } of train) {
      assert.isFalse(scene.objects.some(isUnseen) || isHeldOut(scene) || scene.style === heldOutStyle)
    }
    for (const { part, scene, target } of test) {
      if (part === "unseen") assert.isTrue(isUnseen(scene.objects[target]!))
      else assert.isTrue(isHeldOut(scene) && !scene.objects.some(isUnseen))
    }
    assert.strictEqual(test.filter(({ part }) => part === "unseen").length, 297)
    for (const style of styles) assert.isAtLeast(test.filter(({ scene }) => scene.style === style).length, 20)
  })

  it("is not solved by a habit of place or order", () => {
    const all = [...train, ...test]
    const first = all.filter(({ target }) => target === 0).length / all.length
    const chance = all.reduce((sum, { scene }) => sum + 1 / scene.objects.length, 0) / all.length
    assert.closeTo(first, chance, 0.08)
    assert.isAtLeast(new Set(train.map(({ riddle }) => riddle.question)).size, 40)
  })

  it.effect("streams questions with boxes on the checkpoint's grid, inside the picture", () =>
    Effect.gen(function*() {
      const atlas = yield* Atlas.load
      const samples = yield* Stream.runCollect(Reasoning.fromAtlas(atlas, { split: "test" }))
      for (const [i, { cues, question, truth: { height, instances, width } }] of samples.entries()) {
        const { riddle, scene, target } = test[i]!
        assert.strictEqual(question, riddle.question)
        assert.isTrue(scene.objects.every((name) => cues?.includes(name)))
        assert.deepStrictEqual([width, height, instances.length], [side, side, 1])
        const [x, y, w, h] = instances[0]!.box
        const placed = scene.placements[target]!
        // Half a hundredth of the side either way, and what keeps the box inside.
        for (const [value, pixels] of [[x, placed.x], [y, placed.y], [w, placed.size], [h, placed.size]] as const) {
          assert.closeTo(value, pixels, side / 100 + 1e-9)
          assert.closeTo(value / side * 100, Math.round(value / side * 100), 1e-9)
        }
        assert.isTrue(x >= 0 && y >= 0 && x + w <= side + 1e-9 && y + h <= side + 1e-9)
      }
    }))
})

describe("Objects", () => {
  it.effect("holds 25 and 10 of each class, every class at every start, the fourth style in one half of the test", () =>
    Effect.gen(function*() {
      const atlas = yield* Atlas.load
      const of = (split: "train" | "test", seed = 0) => Stream.runCollect(Objects.fromAtlas(atlas, { split, seed }))
      const [train, test] = [yield* of("train"), yield* of("test")]
      assert.deepStrictEqual([train.length, test.length], [500, 200])
      const count = (samples: typeof train) =>
        Objects.labels.map((_, i) => samples.filter(({ truth }) => truth[i] === 1).length)
      assert.deepStrictEqual(count(train), Objects.labels.map(() => 25))
      assert.deepStrictEqual(count(test), Objects.labels.map(() => 10))
      assert.deepStrictEqual(count(test.filter(({ part }) => part === "unseen")), Objects.labels.map(() => 5))
      assert.deepStrictEqual(count(train.slice(0, 20)), Objects.labels.map(() => 1))
      for (const { cues, truth } of train) assert.isTrue(cues?.includes(Objects.classes[truth.indexOf(1)] ?? ""))
      const ids = (samples: typeof train) => samples.map(({ image }) => image.id)
      assert.strictEqual(new Set([...ids(train), ...ids(test)]).size, 700)
      assert.deepStrictEqual(ids(yield* of("test")), ids(test))
      assert.notDeepEqual(ids(yield* of("test", 1)), ids(test))
    }))
})

describe("Things", () => {
  it.effect("boxes and names everything that is there", () =>
    Effect.gen(function*() {
      const atlas = yield* Atlas.load
      const of = (split: "train" | "test", limit?: number) =>
        Stream.runCollect(Things.fromAtlas(atlas, { split, ...(limit === undefined ? {} : { limit }) }))
      const [train, test] = [yield* of("train"), yield* of("test")]
      assert.deepStrictEqual([train.length, test.length], [2000, 800])
      assert.strictEqual(Things.labels.length, 35)
      const seen = new Set<string>()
      for (const { cues = [], truth: { instances } } of [...train, ...test]) {
        const names = instances.map(({ label = "" }) => label)
        // The face, then the objects, then the background: only the first two have boxes.
        assert.deepStrictEqual(names.toSorted(), ["a face", ...cues.slice(1, -1).map((name) => `a ${name}`)].sort())
        names.forEach((name) => seen.add(name))
        assert.deepStrictEqual(
          instances.map(({ box }) => box[1]),
          instances.map(({ box }) => box[1]).sort((a, b) => a - b)
        )
      }
      assert.deepStrictEqual([...seen].sort(), Things.labels.toSorted())
      assert.strictEqual(test.filter(({ part }) => part === "unseen").length, 400)
      assert.deepStrictEqual(
        (yield* of("test", 5)).map(({ image }) => image.id),
        test.slice(0, 5).map(({ image }) => image.id)
      )
    }))
})
