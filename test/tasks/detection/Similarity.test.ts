import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import { type Annotation, Box, BoxSimilarity } from "../../../src/tasks/detection/index.ts"
import { annotation, drawn, names, runs } from "./boxes.ts"

const frame = Box.pixels({ width: 60, height: 40 })
const truthwise = BoxSimilarity.similarity("truth")
const bounded = BoxSimilarity.similarity("max")
const both = [truthwise, bounded]

/** Truth, an answer near it, and a few more boxes; half of them with labels. */
const Pair = drawn("pair", (draw) => {
  const options = { most: 4, ...(draw.next() < 0.5 ? { labels: names } : {}) }
  const truth = annotation(draw, frame, options)
  const near = truth.filter(() => draw.next() < 0.8).map((target) => {
    const [x, y, width, height] = target.box
    return {
      ...target,
      box: Box.make("absolute", [x + draw.int(7) - 3, y + draw.int(7) - 3, width + draw.int(3), height + draw.int(3)])
    }
  })
  return {
    truth,
    answer: draw.shuffle([...near, ...annotation(draw, frame, { ...options, most: 2 })]),
    extra: annotation(draw, frame, { ...options, least: 1, most: 3 }),
    draw
  }
})

/** The greatest total IoU over every way to pair targets: what the assignment must reach. */
const exhaustive = (truth: Annotation<"absolute">, answer: Annotation<"absolute">): number => {
  const [first, ...rest] = truth
  if (first === undefined) return 0
  const alone = exhaustive(rest, answer)
  return answer.reduce((best, partner, i) => {
    const fits = first.label === undefined || partner.label === undefined || first.label === partner.label
    return Math.max(best, (fits ? Box.iou(first.box, partner.box) : 0) + exhaustive(rest, answer.toSpliced(i, 1)))
  }, alone)
}

describe("BoxSimilarity", () => {
  it.prop("is eq. 6: the best pairing's total over N_g, or over max(N_g, N_p)", [Pair], ([{ answer, truth }]) => {
    if (truth.length === 0) return
    const total = exhaustive(truth, answer)
    assert.closeTo(truthwise(truth, answer), total / truth.length, 1e-9)
    assert.closeTo(bounded(truth, answer), total / Math.max(truth.length, answer.length), 1e-9)
  }, runs)

  it.prop("is in [0, 1], and 1 for the truth itself", [Pair], ([{ answer, truth }]) => {
    for (const similarity of both) {
      const value = similarity(truth, answer)
      assert.isTrue(value >= 0 && value <= 1, String(value))
      assert.closeTo(similarity(truth, truth), 1, 1e-12)
      assert.strictEqual(similarity(truth.slice(0, 1), truth.slice(0, 1)), 1)
    }
  }, runs)

  it.prop("does not depend on order, place or scale", [Pair], ([{ answer, draw, truth }]) => {
    const [dx, dy, sx, sy] = [draw.int(100), draw.int(100), 0.5 + draw.next(), 0.5 + draw.next()]
    const moved = (targets: Annotation<"absolute">) =>
      draw.shuffle(
        targets.map((target) => ({
          ...target,
          box: Box.make("absolute", [
            (target.box[0] + dx) * sx,
            (target.box[1] + dy) * sy,
            target.box[2] * sx,
            target.box[3] * sy
          ])
        }))
      )
    for (const similarity of both) {
      assert.closeTo(similarity(moved(truth), moved(answer)), similarity(truth, answer), 1e-9)
    }
  }, runs)

  it.prop("over N_g, no extra box lowers it", [Pair], ([{ answer, extra, truth }]) => {
    if (truth.length > 0) assert.isAtLeast(truthwise(truth, [...answer, ...extra]), truthwise(truth, answer) - 1e-12)
    else assert.strictEqual(truthwise(truth, [...answer, ...extra]), 0)
  }, runs)

  it.prop(
    "over max(N_g, N_p), a box beside every true one never raises it, and no number of boxes beyond N_g earns " +
      "more than N_g / N_p",
    [Pair],
    ([{ answer, extra, truth }]) => {
      const spurious = extra.map((target) => ({
        ...target,
        box: Box.make("absolute", [target.box[0] + 100, target.box[1], target.box[2], target.box[3]])
      }))
      assert.isAtMost(bounded(truth, [...answer, ...spurious]), bounded(truth, answer) + 1e-12)
      const many = [...answer, ...extra]
      assert.isAtMost(bounded(truth, many), Math.min(1, truth.length / many.length) + 1e-12)
      // Beyond a complete answer every box is one too many, wherever it lies.
      if (truth.length > 0) {
        assert.closeTo(
          bounded(truth, [...truth, ...extra]),
          truth.length / (truth.length + extra.length),
          1e-12
        )
      }
    },
    runs
  )

  it("an empty truth is met by an empty answer alone", () => {
    const box = Box.make("absolute", [1, 2, 3, 4])
    for (const similarity of both) {
      assert.strictEqual(similarity([], []), 1)
      assert.strictEqual(similarity([], [{ box }]), 0)
      assert.strictEqual(similarity([{ box }], []), 0)
      // Nobody is asked to box a crowd.
      assert.strictEqual(similarity([{ box, crowd: true }], []), 1)
      assert.strictEqual(similarity([{ box }, { box: Box.make("absolute", [9, 9, 3, 3]), crowd: true }], [{ box }]), 1)
    }
  })

  it("does not pair different labels", () => {
    const box = Box.make("absolute", [1, 2, 3, 4])
    assert.strictEqual(truthwise([{ box, label: "cup" }], [{ box, label: "hat" }]), 0)
    assert.strictEqual(truthwise([{ box, label: "cup" }], [{ box }]), 1)
  })

  it("matches eq. 6 worked by hand", () => {
    const at = (x: number, width: number) => ({ box: Box.make("absolute", [x, 0, width, 10]) })
    // IoU 1/3 and 1; the third true box stays alone. Greedy pairing would take the same, here.
    assert.closeTo(truthwise([at(0, 10), at(50, 10), at(90, 5)], [at(5, 10), at(50, 10)]), (1 / 3 + 1) / 3, 1e-12)
    // Here greedy would pair the first with its best partner (0.8) and leave the second with 0.
    assert.closeTo(truthwise([at(0, 10), at(4, 10)], [at(2, 8), at(0, 6)]), (0.6 + 6 / 12) / 2, 1e-12)
  })
})

describe("Box", () => {
  it.prop("IoU is symmetric, in [0, 1], and 1 for equal boxes", [Pair], ([{ answer, extra }]) => {
    for (const a of answer) {
      for (const b of extra) {
        assert.strictEqual(Box.iou(a.box, b.box), Box.iou(b.box, a.box))
        assert.isTrue(Box.iou(a.box, b.box) >= 0 && Box.iou(a.box, b.box) <= 1)
      }
      assert.strictEqual(Box.iou(a.box, a.box), 1)
    }
  }, runs)

  it("IoU is 1 for equal boxes alone: one number apart is less, and empty boxes have none", () => {
    const box = Box.make("unit", [0.1, 0.2, 0.3, 0.6])
    assert.strictEqual(Box.iou(box, Box.make("unit", [0.1, 0.2, 0.3, 0.6])), 1)
    for (const i of [0, 1, 2, 3]) {
      const other = Box.make(
        "unit",
        box.with(i, box[i]! + 0.05) as unknown as readonly [number, number, number, number]
      )
      assert.isBelow(Box.iou(box, other), 0.99)
      assert.isAbove(Box.iou(box, other), 0.5)
    }
    for (const [width, height] of [[0, 3], [3, 0], [-3, 3], [3, -3], [-3, -3]] as const) {
      const empty = Box.make("absolute", [1, 2, width, height])
      assert.strictEqual(Box.iou(empty, Box.make("absolute", [1, 2, width, height])), 0)
    }
  })

  it("clipping returns the box itself where it is all inside, its edges on the frame's too", () => {
    for (const xywh of [[0, 0, 60, 40], [0, 5, 10, 10], [5, 0, 10, 10], [50, 5, 10, 10], [5, 30, 10, 10]] as const) {
      const box = Box.make("absolute", xywh)
      assert.strictEqual(Option.getOrUndefined(Box.clip(box, frame)), box)
    }
    // What only touches the frame, and what has no area, leaves nothing.
    for (
      const xywh of [
        [60, 5, 9, 9],
        [5, 40, 9, 9],
        [-9, 5, 9, 9],
        [5, -9, 9, 9],
        [5, 5, 0, 9],
        [5, 5, 9, 0],
        [5, 5, -2, -2],
        [5, NaN, 9, 9]
      ] as const
    ) assert.isTrue(Option.isNone(Box.clip(Box.make("absolute", xywh), frame)), String(xywh))
  })

  it.prop("conversion keeps overlap and comes back", [Pair], ([{ answer, extra }]) => {
    for (const to of [Box.thousandths, Box.unit, Box.resized({ width: 84, height: 56 })] as const) {
      for (const { box } of answer) {
        const there = Box.convert<"absolute", Box.Space>(box, frame, to)
        Box.convert<Box.Space, "absolute">(there, to, frame).forEach((value, i) => assert.closeTo(value, box[i]!, 1e-9))
        for (const { box: other } of extra) {
          assert.closeTo(
            Box.iou(there, Box.convert<"absolute", Box.Space>(other, frame, to)),
            Box.iou(box, other),
            1e-9
          )
        }
      }
    }
  }, runs)

  it.prop("clipping is the overlap with the frame", [
    drawn("clip", (draw) => Box.make("absolute", [draw.int(120) - 40, draw.int(100) - 40, draw.int(80), draw.int(80)]))
  ], ([box]) => {
    const clipped = Box.clip(box, frame)
    let cells = 0
    for (let x = 0; x < frame.width; x++) {
      for (
        let y = 0;
        y < frame.height;
        y++
      ) if (x >= box[0] && x < box[0] + box[2] && y >= box[1] && y < box[1] + box[3]) cells++
    }
    assert.strictEqual(clipped._tag === "Some" ? clipped.value[2] * clipped.value[3] : 0, cells)
  }, runs)
})
