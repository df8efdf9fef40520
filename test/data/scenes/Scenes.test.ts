import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Groundedness from "../../../src/data/scenes/Groundedness.ts"
import { explain } from "../../../src/data/scenes/Language.ts"
import * as Scene from "../../../src/data/scenes/Scene.ts"
import * as Scenes from "../../../src/data/scenes/Scenes.ts"
import { feelings } from "../../../src/data/scenes/Truth.ts"
import { emotions, groupOf, heldOutStyle, isUnseen, styles } from "../../../src/data/scenes/World.ts"
import { js } from "../../../src/kernels/math/Divergence.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"
import * as Emotion6 from "../../../src/tasks/classification/Emotion6.ts"

const combination = ({ face, objects }: Scene.Composition) => `${face} ${objects.toSorted().join(" ")}`

describe("Scenes", () => {
  const train = Scenes.scenes({ split: "train" })
  const test = Scenes.scenes({ split: "test" })
  const seen = test.filter(({ part }) => part === "seen")
  const unseen = test.filter(({ part }) => part === "unseen")

  it("has the sizes of Emotion6 and its label order", () => {
    assert.strictEqual(train.length, 1386)
    assert.strictEqual(test.length, 594)
    assert.strictEqual(seen.length, 297)
    assert.strictEqual(unseen.length, 297)
    assert.deepStrictEqual([...emotions], [...Emotion6.labels])
  })

  it("never trains on an unseen object or on the held-out style", () => {
    for (const { scene } of train) {
      assert.isFalse(scene.objects.some(isUnseen))
      assert.notStrictEqual(scene.style, heldOutStyle)
    }
    for (const part of [seen, unseen]) {
      for (const style of styles) assert.isAbove(part.filter(({ scene }) => scene.style === style).length, 40, style)
    }
  })

  it("tests seen objects in combinations that training does not hold", () => {
    const known = new Set(train.map(({ scene }) => combination(scene)))
    for (const { scene } of seen) {
      assert.isFalse(known.has(combination(scene)))
      assert.isFalse(scene.objects.some(isUnseen))
    }
    for (let seed = 1; seed < 3; seed++) {
      for (const { scene } of Scenes.scenes({ split: "train", seed, limit: 300 })) {
        assert.isFalse(Scenes.isHeldOut(scene))
      }
    }
  })

  it("tests unseen objects that matter", () => {
    for (const { scene } of unseen) {
      const moved = scene.objects.filter(isUnseen).map((name) =>
        js(feelings(scene), feelings({ ...scene, objects: scene.objects.filter((other) => other !== name) }))
      )
      assert.isAtLeast(Math.max(...moved), 0.05)
    }
    assert.isAbove(new Set(unseen.flatMap(({ scene }) => scene.objects.filter(isUnseen).map(groupOf))).size, 4)
  })

  it("cannot be solved from the face alone", () => {
    const mean = (of: (item: typeof test[number]) => number) =>
      test.reduce((sum, item) => sum + of(item), 0) / test.length
    const rule = mean(({ scene, truth }) => js(truth, feelings(scene)))
    const face = mean(({ scene, truth }) => js(truth, feelings({ ...scene, objects: [] })))
    assert.isBelow(rule, 0.05)
    assert.isAbove(face, 0.2)
  })

  it("draws the same scenes again, others for another seed, and a prefix for a limit", () => {
    assert.deepStrictEqual(Scenes.scenes({ split: "train", limit: 50 }), train.slice(0, 50))
    assert.notDeepEqual(Scenes.scenes({ split: "train", seed: 1, limit: 50 }), train.slice(0, 50))
    const ids = new Set([...train, ...test].map(({ scene }) => scene.id))
    assert.strictEqual(ids.size, train.length + test.length)
  })

  it("takes shots of each dominant emotion", () => {
    const few = Scenes.scenes({ split: "train", shots: 4 })
    const counts = emotions.map((_, i) => few.filter(({ truth }) => truth.indexOf(Math.max(...truth)) === i).length)
    assert.deepStrictEqual(counts, emotions.map(() => 4))
  })

  it.effect("streams samples whose pictures can be drawn, with their cues", () =>
    Effect.gen(function*() {
      const samples = yield* Scenes.dataset({ split: "test", limit: 6 }).pipe(Stream.runCollect)
      assert.deepStrictEqual(samples.map(({ part }) => part), ["seen", "unseen", "seen", "unseen", "seen", "unseen"])
      for (const [i, { cues, image, truth }] of samples.entries()) {
        assert.deepStrictEqual(truth, test[i]!.truth)
        assert.deepStrictEqual(cues, Groundedness.cuesOf(test[i]!.scene))
        if (image.source._tag !== "Rendered") return assert.fail(image.source._tag)
        const pixels = image.source.render()
        assert.strictEqual(pixels.data.length, pixels.width * pixels.height * 3)
      }
    }))
})

describe("Groundedness", () => {
  it("finds every cue of a true explanation and no other", () => {
    for (let i = 0; i < 2000; i++) {
      const scene = Scene.make(5, `grounded/${i}`)
      const text = explain(Keyed.stream(5, `text/${i}`), scene)
      assert.deepStrictEqual([...Groundedness.cuesNamed(text)].sort(), Groundedness.cuesOf(scene).toSorted(), text)
      assert.isAtLeast(text.split(" ").length, 5)
      assert.isFalse(/\d/.test(text))
    }
  })

  it("reads case, number and longer names, and the longest one first", () => {
    const named = (text: string) => [...Groundedness.cuesNamed(text)].sort()
    assert.deepStrictEqual(named("TWO Balloons, three puppies, buses and a Party Popper!"), [
      "balloon",
      "bus",
      "popper",
      "puppy"
    ])
    assert.deepStrictEqual(named("She cries under a stormy sky."), ["crying", "storm"])
    assert.deepStrictEqual(named("clear skies and wolves"), ["sky", "wolf"])
    assert.deepStrictEqual(named("a nightmare in a mushroom, keyboards, heartless"), [])
    assert.deepStrictEqual(named(""), [])
  })
})
