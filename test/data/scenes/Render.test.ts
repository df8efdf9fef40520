import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Atlas from "../../../src/data/scenes/Atlas.ts"
import { paint } from "../../../src/data/scenes/Backgrounds.ts"
import { image, render } from "../../../src/data/scenes/Render.ts"
import * as Scene from "../../../src/data/scenes/Scene.ts"
import { backgrounds, faces, objects, side, styles } from "../../../src/data/scenes/World.ts"
import * as Keyed from "../../../src/kernels/math/Keyed.ts"

const backdrop = (scene: Scene.Scene) => {
  const canvas = new Uint8ClampedArray(side * side * 3)
  paint(canvas, scene.background, Keyed.stream(scene.seed, `${scene.id}/background`))
  return canvas
}

/** The obvious way: one pixel at a time, in floating point. */
const reference = (atlas: Atlas.Atlas, scene: Scene.Scene): Float64Array => {
  const canvas = Float64Array.from(backdrop(scene))
  const sprites = [
    ...scene.objects.map((name, i) => ({ name, at: scene.placements[i]! })),
    { name: scene.face, at: scene.facePlacement }
  ]
  for (const { at: { mirrored, size, x, y }, name } of sprites) {
    const sprite = atlas.sprite(scene.style, name)
    const [texels, across] = size < sprite.side * 0.75
      ? [sprite.half, sprite.side / 2] as const
      : [sprite.full, sprite.side] as const
    const texel = (column: number, row: number, channel: number) => {
      const clamp = (value: number) => Math.min(across - 1, Math.max(0, value))
      return texels[(clamp(row) * across + clamp(column)) * 4 + channel]!
    }
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const u = ((mirrored ? size - 1 - column : column) + 0.5) * across / size - 0.5
        const v = (row + 0.5) * across / size - 0.5
        const [i, j] = [Math.floor(u), Math.floor(v)]
        const sample = (channel: number) =>
          (texel(i, j, channel) * (1 - (u - i)) + texel(i + 1, j, channel) * (u - i)) * (1 - (v - j)) +
          (texel(i, j + 1, channel) * (1 - (u - i)) + texel(i + 1, j + 1, channel) * (u - i)) * (v - j)
        for (let channel = 0; channel < 3; channel++) {
          const to = ((y + row) * side + x + column) * 3 + channel
          canvas[to] = sample(channel) + canvas[to]! * (1 - sample(3) / 255)
        }
      }
    }
  }
  return canvas
}

describe("Scene", () => {
  it("keeps sprites inside the picture, in their sizes, overlapping less than a tenth", () => {
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 3000; i++) {
      const scene = Scene.make(11, `layout/${i}`)
      const all = [scene.facePlacement, ...scene.placements]
      counts[scene.objects.length]!++
      assert.strictEqual(scene.placements.length, scene.objects.length)
      assert.strictEqual(new Set(scene.objects).size, scene.objects.length)
      assert.isTrue(scene.facePlacement.size >= 40 && scene.facePlacement.size <= 56)
      for (const { size, x, y } of all) assert.isTrue(x >= 0 && y >= 0 && x + size <= side && y + size <= side)
      for (const { size } of scene.placements) assert.isTrue(size >= 26 && size <= 40)
      all.forEach((a, k) => all.slice(k + 1).forEach((b) => assert.isBelow(Scene.overlap(a, b), Scene.overlapLimit)))
    }
    assert.isTrue(counts[0] === 0 && counts.slice(1).every((count) => count > 800), String(counts))
  })

  it("depends on seed and id only", () => {
    assert.deepStrictEqual(Scene.make(1, "a"), Scene.make(1, "a"))
    assert.notDeepEqual(Scene.make(1, "a"), { ...Scene.make(2, "a"), seed: 1 })
    assert.notDeepEqual(Scene.make(1, "a"), { ...Scene.make(1, "b"), id: "a" })
  })
})

describe("Render", () => {
  it.effect("has a visible sprite for every name in every style", () =>
    Effect.gen(function*() {
      const atlas = yield* Atlas.load
      for (const style of styles) {
        for (const name of [...faces, ...objects]) {
          const { full, side: across } = atlas.sprite(style, name)
          let opaque = 0
          for (let i = 3; i < full.length; i += 4) if (full[i]! > 128) opaque++
          assert.isAbove(opaque / (across * across), 0.08, `${style} ${name}`)
        }
      }
    }))

  it.effect("blends as the plain reference does", () =>
    Effect.gen(function*() {
      const atlas = yield* Atlas.load
      for (let i = 0; i < 40; i++) {
        const scene = Scene.make(7, `reference/${i}`)
        const { data } = render(atlas, scene)
        const expected = reference(atlas, scene)
        let worst = 0
        data.forEach((value, k) => {
          worst = Math.max(worst, Math.abs(value - expected[k]!))
        })
        // Weights of 1/256 and one rounding to bytes for each sprite that covers a pixel.
        assert.isBelow(worst, 4, scene.id)
      }
    }))

  it.effect("draws the same pixels twice, and other ones for another scene", () =>
    Effect.gen(function*() {
      const [one, two] = [yield* Atlas.load, yield* Atlas.load]
      assert.strictEqual(one, two, "it is decoded once")
      const scene = Scene.make(7, "twice")
      assert.deepStrictEqual(render(one, scene).data, render(two, scene).data)
      assert.notDeepEqual(render(one, scene).data, render(one, Scene.make(7, "other")).data)
      assert.notStrictEqual(image(one, scene).id, image(one, Scene.make(8, "twice")).id)
    }))

  it("paints six backgrounds that differ by more than their jitter", () => {
    const mean = (background: typeof backgrounds[number], i: number) => {
      const canvas = backdrop({ ...Scene.make(7, `backdrop/${i}`), background })
      // Mean colour of upper and lower half.
      return [0, 1].flatMap((half) =>
        [0, 1, 2].map((channel) => {
          let sum = 0
          for (let at = half * canvas.length / 2 + channel; at < (half + 1) * canvas.length / 2; at += 3) {
            sum += canvas[at]!
          }
          return sum / (canvas.length / 6)
        })
      )
    }
    const centres = backgrounds.map((background) => mean(background, 0))
    for (let i = 1; i < 12; i++) {
      backgrounds.forEach((background, k) => {
        const colour = mean(background, i)
        const distances = centres.map((centre) => Math.hypot(...centre.map((value, c) => value - colour[c]!)))
        assert.strictEqual(distances.indexOf(Math.min(...distances)), k, background)
      })
    }
  })
})
