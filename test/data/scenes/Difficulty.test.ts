/** A harder scene is the same scene: what is in it stays, the picture alone is harder to read. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { Scenes } from "../../../src/data/index.ts"
import * as Atlas from "../../../src/data/scenes/Atlas.ts"
import * as Difficulty from "../../../src/data/scenes/Difficulty.ts"
import { image, render } from "../../../src/data/scenes/Render.ts"
import { scenes } from "../../../src/data/scenes/Scenes.ts"
import { side } from "../../../src/data/scenes/World.ts"

const drawn = scenes({ split: "train", seed: 3, limit: 40 }).map(({ scene }) => scene)

describe("Difficulty", () => {
  it.effect("0 is the world as it was, bit for bit", () =>
    Effect.map(Atlas.load, (atlas) => {
      for (const scene of drawn.slice(0, 8)) {
        assert.deepStrictEqual(render(atlas, scene, 0).data, render(atlas, scene).data)
        assert.strictEqual(image(atlas, scene, 0).id, image(atlas, scene).id)
      }
    }))

  it.effect("takes a picture further from the plain one, the more of it there is", () =>
    Effect.map(Atlas.load, (atlas) => {
      for (const scene of drawn.slice(0, 8)) {
        const plain = render(atlas, scene).data
        const apart = [0.1, 0.4, 1].map((difficulty) => {
          const hard = render(atlas, scene, difficulty).data
          assert.deepStrictEqual(render(atlas, scene, difficulty).data, hard, "the same again")
          return plain.reduce((sum, value, i) => sum + Math.abs(value - hard[i]!), 0) / plain.length
        })
        assert.deepStrictEqual(apart, apart.toSorted((a, b) => a - b))
        assert.isAbove(apart[0]!, 1)
      }
    }))

  it("keeps everything inside the picture, and shows no ghost of what is there", () => {
    for (const scene of drawn) {
      const shown = [...Difficulty.objectsOf(scene, 1), ...Difficulty.ghosts(scene, 1)]
      for (const { placement: { size, x, y }, strength } of shown) {
        assert.isTrue(
          x >= 0 && y >= 0 && x + size <= side && y + size <= side && size >= 9,
          JSON.stringify({ size, x, y })
        )
        assert.isTrue(strength >= 0.25 && strength <= 1)
      }
      assert.deepStrictEqual(Difficulty.objectsOf(scene, 1).map(({ name }) => name), scene.objects)
      for (const { name } of Difficulty.ghosts(scene, 1)) assert.notInclude(scene.objects, name)
      // A harder scene has the ghosts of an easier one.
      assert.deepStrictEqual(Difficulty.ghosts(scene, 1).slice(0, 1), Difficulty.ghosts(scene, 0.35))
    }
  })

  it.effect("changes neither annotation nor cues, and tells the pictures apart", () =>
    Effect.gen(function*() {
      const read = (difficulty: number) => Stream.runCollect(Scenes.dataset({ split: "test", limit: 12, difficulty }))
      const [plain, hard] = [yield* read(0), yield* read(Scenes.harder)]
      assert.deepStrictEqual(
        hard.map(({ cues, truth }) => ({ cues, truth })),
        plain.map(({ cues, truth }) => ({ cues, truth }))
      )
      hard.forEach(({ image }, i) => assert.notStrictEqual(image.id, plain[i]!.image.id))
    }))

  it.effect("is refused outside of 0 and 1", () =>
    Effect.forEach([-0.1, 1.1, Number.NaN], (difficulty) =>
      Effect.map(
        Effect.flip(Stream.runDrain(Scenes.dataset({ split: "train", difficulty }))),
        ({ message }) => assert.include(message, `difficulty is ${difficulty}, expected a number in [0, 1]`)
      )))
})
