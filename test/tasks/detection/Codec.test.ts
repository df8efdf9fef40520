import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Keyed } from "../../../src/kernels/math/index.ts"
import { type Annotation, Box, BoxCodec } from "../../../src/tasks/detection/index.ts"
import { stopwatch } from "../../stopwatch.ts"
import { annotation, drawn, names, runs, Seed } from "./boxes.ts"

const corners = BoxCodec.qwen2Vl({ space: "thousandths" })
const scenes = BoxCodec.scenes()
const boxesOf = <S extends Box.Space>(codec: BoxCodec.Codec<S>, text: string) => {
  const read = codec.decode(text)
  assert.isTrue(Result.isSuccess(read), `${text}: ${JSON.stringify(read)}`)
  return Result.getOrThrow(read).map((
    { box, label, score }
  ) => [...box, ...(label === undefined ? [] : [label]), ...(score === undefined ? [] : [score])])
}
const faultOf = <S extends Box.Space>(codec: BoxCodec.Codec<S>, text: string) => {
  const read = codec.decode(text)
  assert.isTrue(Result.isFailure(read), `${text}: ${JSON.stringify(read)}`)
  return Result.isFailure(read) ? read.failure.reason : ""
}

/** Every space with a picture's frame, and the grid that its codec writes on. */
const frames = [
  { frame: Box.pixels({ width: 640, height: 427 }), step: 1 },
  { frame: Box.resized({ width: 476, height: 308 }), step: 1 },
  { frame: Box.thousandths, step: 1 },
  { frame: Box.unit, step: 1e-4 }
] as const
const orders = ["xyxy", "xywh"] as const
const styles = ["list", "named", "json", "pairs"] as const

describe("BoxCodec", () => {
  for (const { frame, step } of frames) {
    it.prop(`comes back exactly in ${frame.space}, in every order and style`, [Seed], ([seed]) => {
      for (const order of orders) {
        for (const style of styles) {
          const labels = style === "named" || style === "json" ? names : undefined
          const truth: Annotation<Box.Space> = annotation<Box.Space>(Keyed.stream(seed, `${order}/${style}`), frame, {
            most: 5,
            step,
            ...(labels === undefined ? {} : { labels })
          })
          // xywh writes the sides themselves: a side from corners is on the grid up to rounding only.
          const exact = order === "xyxy"
            ? truth
            : truth.map((target) => ({
              ...target,
              box: Box.make<Box.Space>(frame.space, [
                target.box[0],
                target.box[1],
                Number(target.box[2].toFixed(4)),
                Number(target.box[3].toFixed(4))
              ])
            }))
          const codec = BoxCodec.make<Box.Space>({ space: frame.space, order, style, labels })
          const text = codec.encode(exact)
          assert.deepStrictEqual(codec.decode(text), Result.succeed(exact), text)
          assert.strictEqual(codec.encode(Result.getOrThrow(codec.decode(text))), text)
        }
      }
    }, runs)
  }

  it.prop("rounds by one step at most, keeps an area, and the second round trip is exact", [
    drawn("rounding", (draw) => {
      const frame = Box.thousandths
      const length = 0.01 + draw.next() * 200
      return Box.make(frame.space, [
        draw.next() * (1000 - length),
        draw.next() * (1000 - length),
        length,
        length * draw.next() + 1e-3
      ])
    })
  ], ([box]) => {
    for (const codec of [corners, scenes]) {
      const text = codec.encode([{ box }])
      const [back] = Result.getOrThrow(codec.decode(text))
      Box.corners(back!.box).forEach((edge, i) =>
        assert.isTrue(Math.abs(edge - Box.corners(box)[i]!) <= 1 + 1e-9, text)
      )
      assert.isTrue(back!.box[2] >= 1 && back!.box[3] >= 1)
      assert.strictEqual(codec.encode([back!]), text)
    }
  }, runs)

  it("writes each family's form", () => {
    const box = Box.make("thousandths", [250, 300, 200, 100])
    const two = [{ box, label: "cup" }, { box, label: "hat" }]
    assert.strictEqual(scenes.encode([{ box }]), "[250, 300, 200, 100]")
    assert.strictEqual(scenes.encode([{ box }, { box }]), "[[250, 300, 200, 100], [250, 300, 200, 100]]")
    assert.strictEqual(
      BoxCodec.scenes({ labels: names }).encode(two),
      "cup [250, 300, 200, 100], hat [250, 300, 200, 100]"
    )
    assert.strictEqual(corners.encode([{ box }]), "[250, 300, 450, 400]")
    assert.strictEqual(
      BoxCodec.qwen2Vl({ space: "thousandths", style: "pairs" }).encode([{ box }]),
      "(250,300),(450,400)"
    )
    const resized = { box: Box.make("resized", [10, 20, 30, 40]), label: "a \"b\"" }
    assert.strictEqual(
      BoxCodec.qwen25Vl().encode([resized]),
      String.raw`[{"bbox_2d": [10, 20, 40, 60], "label": "a \"b\""}]`
    )
    assert.strictEqual(
      BoxCodec.qwen3Vl().encode([{ box, label: "cup" }]),
      `[{"bbox_2d": [250, 300, 450, 400], "label": "cup"}]`
    )
    for (const codec of [scenes, corners, BoxCodec.qwen3Vl(), BoxCodec.scenes({ labels: names })]) {
      assert.strictEqual(codec.encode([]), "[]")
    }
    assert.strictEqual(scenes.encode([{ box, crowd: true }]), "[]")
    assert.throws(
      () => BoxCodec.make({ space: "unit", order: "xyxy", style: "list", labels: names }),
      /no place for a label/
    )
    assert.throws(() => BoxCodec.make({ space: "unit", order: "xyxy", style: "named" }), /list of labels/)
  })

  it("says its form in words, for every style and order", () => {
    const words = (space: Box.Space, order: "xyxy" | "xywh", style: BoxCodec.Style) =>
      BoxCodec.make<Box.Space>({ space, order, style, labels: style === "named" ? names : undefined }).words
    assert.deepStrictEqual(orders.flatMap((order) => styles.map((style) => words("absolute", order, style))), [
      "[x1, y1, x2, y2] in pixels",
      "name [x1, y1, x2, y2] in pixels",
      "JSON, [{\"bbox_2d\": [x1, y1, x2, y2], \"label\": \"name\"}], in pixels",
      "(x1,y1),(x2,y2) in pixels",
      "[x, y, width, height] in pixels",
      "name [x, y, width, height] in pixels",
      "JSON, [{\"bbox_2d\": [x, y, width, height], \"label\": \"name\"}], in pixels",
      "(x,y),(width,height) in pixels"
    ])
  })

  it("writes whole numbers, shares with four digits, and what digits and steps a definition asks for", () => {
    const written = (
      space: Box.Space,
      options: { readonly decimals?: number; readonly step?: number } = {},
      frame?: Box.Frame<Box.Space>
    ) =>
      BoxCodec.make<Box.Space>({ space, order: "xyxy", style: "list", frame, ...options })
        .encode([{ box: Box.make<Box.Space>(space, [0.12344, 0.26, 0.33333, 0.41]) }])
    assert.strictEqual(written("thousandths"), "[0, 0, 1, 1]")
    assert.strictEqual(written("resized"), "[0, 0, 1, 1]")
    assert.strictEqual(written("unit"), "[0.1234, 0.26, 0.4568, 0.67]")
    assert.strictEqual(written("unit", { decimals: 2 }), "[0.12, 0.26, 0.46, 0.67]")
    assert.strictEqual(written("absolute", { decimals: 1 }), "[0.1, 0.3, 0.5, 0.7]")
    assert.strictEqual(written("unit", { step: 0.25 }), "[0, 0.25, 0.5, 0.75]")
    // A score is written as it is, in the style that has a place for it.
    const box = Box.make("resized", [10, 20, 30, 40])
    const scored = [{ box, label: "cup", score: 0.25 }, { box, score: 1 }]
    assert.strictEqual(
      BoxCodec.qwen25Vl().encode(scored),
      "[{\"bbox_2d\": [10, 20, 40, 60], \"label\": \"cup\", \"score\": 0.25}, " +
        "{\"bbox_2d\": [10, 20, 40, 60], \"score\": 1}]"
    )
    assert.deepStrictEqual(BoxCodec.qwen25Vl().decode(BoxCodec.qwen25Vl().encode(scored)), Result.succeed(scored))
  })

  it("reads what models write", () => {
    const one = [[10, 20, 30, 40]]
    for (
      const text of [
        "[10, 20, 40, 60]",
        "[10,20,40,60,]",
        "(10, 20, 40, 60)",
        "[[10, 20, 40, 60]]",
        "(10,20),(40,60)",
        "[[10, 20], [40, 60]]",
        "<|box_start|>(10,20),(40,60)<|box_end|>",
        "The box is [1e1, 2.0e+1, 40., +60] (see the corner).",
        "```json\n[\n  {\"bbox_2d\": [10, 20, 40, 60]}\n]\n```",
        "{'bbox_2d': (10, 20, 40, 60), 'label': None, 'sure': True,}",
        "{bbox: [10, 20, 40, 60]}",
        "{\"objects\": [{\"box\": [10, 20, 40, 60]}]}",
        "I see [something] here: [10, 20, 40, 60]"
      ]
    ) assert.deepStrictEqual(boxesOf(corners, text), one, text)
    assert.deepStrictEqual(boxesOf(corners, "First [10, 20, 40, 60], then [0, 0, 5, 5]."), [...one, [0, 0, 5, 5]])
    assert.deepStrictEqual(boxesOf(corners, "(10,20),(40,60), (0,0),(5,5)"), [...one, [0, 0, 5, 5]])
    assert.deepStrictEqual(
      boxesOf(
        BoxCodec.qwen25Vl(),
        "```json\n[{\"bbox_2d\": [1, 2, 4, 6], \"label\": \"cat\\u0021\"}, {'bbox_2d': [0, 0, 5, 5], 'label': " +
          "'dog', 'score': 0.5}]\n``` Both are asleep."
      ),
      [[1, 2, 3, 4, "cat!"], [0, 0, 5, 5, "dog", 0.5]]
    )
    const labelled = BoxCodec.scenes({ labels: names })
    assert.deepStrictEqual(boxesOf(labelled, "There is a cup: [1, 2, 3, 4] and a beer glass [5, 6, 7, 8]"), [[
      1,
      2,
      3,
      4,
      "cup"
    ], [5, 6, 7, 8, "beer glass"]])
    for (const nothing of ["[]", "```json\n[]\n```", "[[]]", "Nothing: []", "{\"objects\": []}"]) {
      assert.deepStrictEqual(boxesOf(corners, nothing), [], nothing)
    }
  })

  it("reads a family's own grounding tokens: corners in thousandths, whatever the codec writes", () => {
    const cup = "<|object_ref_start|>cup<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|>"
    const glass =
      "<|object_ref_start|>a beer glass<|object_ref_end|><|box_start|>(1,2),(3,4)<|box_end|><|box_start|>(5, " +
      "6), (7, 8)<|box_end|>"
    const read = [[100, 200, 200, 200, "cup"], [1, 2, 2, 2, "beer glass"], [5, 6, 2, 2, "beer glass"]]
    for (
      const codec of [BoxCodec.qwen2Vl({ space: "thousandths", labels: names }), BoxCodec.scenes({ labels: names })]
    ) {
      assert.deepStrictEqual(boxesOf(codec, `${cup}${glass}<|im_end|>`), read)
      assert.deepStrictEqual(boxesOf(codec, `There is ${cup},\n and ${glass}.`), read)
      assert.deepStrictEqual(boxesOf(codec, "<ref>cup</ref><box>(100,200),(300,400)</box>"), [[
        100,
        200,
        200,
        200,
        "cup"
      ]])
      assert.deepStrictEqual(boxesOf(codec, "<ref>cup</ref><box>[[100, 200, 300, 400], [1, 2, 3, 4]]</box>"), [[
        100,
        200,
        200,
        200,
        "cup"
      ], [1, 2, 2, 2, "cup"]])
      assert.strictEqual(faultOf(codec, cup.replace("cup", "cat")), "unknown-label")
      assert.strictEqual(faultOf(codec, "<|box_start|>(100,200),(300,400)<|box_end|>"), "missing-label")
    }
    // A text that is cut off in front goes on with a box of which nothing was said.
    assert.deepStrictEqual(boxesOf(corners, "<|box_end|><|box_start|>(1,2),(3,4)<|box_end|>"), [[1, 2, 2, 2]])
    // Where names are free, what the model calls it is its name.
    assert.deepStrictEqual(boxesOf(corners, cup), read.slice(0, 1))
    assert.deepStrictEqual(boxesOf(corners, "a cup [100, 200, 300, 400]"), [[100, 200, 200, 200]])
    assert.deepStrictEqual(boxesOf(corners, "<|box_start|>(100,200),(300,400)<|box_end|>"), [[100, 200, 200, 200]])
    assert.deepStrictEqual(boxesOf(scenes, "<|box_start|>(100,200),(300,400)<|box_end|>"), [[100, 200, 200, 200]])
    const [shares] = Result.getOrThrow(
      BoxCodec.make({ space: "unit", order: "xywh", style: "list" }).decode(
        "<|box_start|>(100,200),(300,400)<|box_end|>"
      )
    )
    assert.deepStrictEqual(shares?.box.map((side) => Number(side.toFixed(6))), [0.1, 0.2, 0.2, 0.2])
  })

  it("names what is wrong", () => {
    assert.strictEqual(faultOf(corners, ""), "empty")
    assert.strictEqual(faultOf(corners, " \n"), "empty")
    assert.strictEqual(faultOf(corners, "no idea"), "no-box")
    assert.strictEqual(faultOf(corners, "nothing()"), "no-box")
    assert.strictEqual(faultOf(corners, "{\"label\": \"cat\"}"), "no-box")
    assert.strictEqual(faultOf(corners, "[1, 2, 3]"), "not-four-numbers")
    assert.strictEqual(faultOf(corners, "[1, 2, 3, 4, 5, 6, 7, 8]"), "not-four-numbers")
    assert.strictEqual(faultOf(corners, "[1, 2, 3, \"4\"]"), "not-four-numbers")
    assert.strictEqual(faultOf(corners, "(1, 2)"), "not-four-numbers")
    assert.strictEqual(faultOf(corners, "[1, 2, NaN, 4]"), "not-finite")
    assert.strictEqual(faultOf(corners, "[1, 2, 1e999, 4]"), "not-finite")
    assert.strictEqual(faultOf(corners, "[1, 2, -inf, 4]"), "not-finite")
    assert.strictEqual(faultOf(corners, "[1, 2, 1e30, 4]"), "number-out-of-range")
    assert.strictEqual(faultOf(corners, "[1, 2, 99999999999999999999, 4]"), "number-out-of-range")
    assert.strictEqual(faultOf(corners, "[40, 20, 10, 60]"), "degenerate-box")
    assert.strictEqual(faultOf(corners, "[10, 20, 10, 60]"), "degenerate-box")
    assert.strictEqual(faultOf(corners, "[1000, 20, 1200, 60]"), "outside-image")
    assert.strictEqual(faultOf(corners, "[-10, -10, 0, 5]"), "outside-image")
    assert.strictEqual(faultOf(scenes, "[1, 2, 3, -4]"), "degenerate-box")
    assert.strictEqual(faultOf(corners, "[[10, 20, 40, 60], [10, 20"), "unterminated")
    assert.strictEqual(faultOf(corners, "{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"ca"), "unterminated")
    assert.strictEqual(faultOf(corners, "[".repeat(5000)), "too-deep")
    assert.strictEqual(faultOf(corners, `[1, 2, 3, 4]${" ".repeat(100_000)}`), "too-long")
    assert.strictEqual(faultOf(corners, "[1, 2, 3, 4] ".repeat(301)), "too-many-boxes")
    const labelled = BoxCodec.scenes({ labels: names })
    assert.strictEqual(faultOf(labelled, "[1, 2, 3, 4]"), "missing-label")
    assert.strictEqual(faultOf(labelled, "[{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"cat\"}]"), "unknown-label")
    assert.strictEqual(faultOf(corners, "[{\"bbox_2d\": [1, 2, 3, 4], \"score\": 7}]"), "score-out-of-range")
    // One bad box spoils the answer; `read` tells both.
    const mixed = Result.getOrThrow(corners.read("[10, 20, 40, 60] [5, 5, 1, 1]"))
    assert.deepStrictEqual([mixed.targets.length, mixed.rejected.map(({ reason }) => reason)], [1, ["degenerate-box"]])
  })

  it("takes no label out of a longer word, and the longest that fits", () => {
    const labelled = BoxCodec.scenes({ labels: ["glass", "cup", "beer glass"] })
    const named = (text: string) => boxesOf(labelled, `${text} [1, 2, 3, 4]`).map((box) => box[4])
    for (const text of ["cup", "a cup", "the-cup", "(cup", "cup :", "cup=", "cup : ", "\n cup:="]) {
      assert.deepStrictEqual(named(text), ["cup"], text)
    }
    for (const text of ["a beer glass", "beer glass:"]) assert.deepStrictEqual(named(text), ["beer glass"], text)
    assert.deepStrictEqual(named("a wine glass"), ["glass"])
    for (const text of ["teacup", "7cup", "écup", "cups", "cup,", "cup of tea", "Cup"]) {
      assert.strictEqual(faultOf(labelled, `${text} [1, 2, 3, 4]`), "missing-label", text)
    }
  })

  it("clips what hangs over the edge, or refuses it", () => {
    assert.deepStrictEqual(boxesOf(corners, "[-10, 900, 40, 1200]"), [[0, 900, 40, 100]])
    assert.strictEqual(
      faultOf(BoxCodec.qwen2Vl({ space: "thousandths", outside: "reject" }), "[-10, 900, 40, 1200]"),
      "outside-image"
    )
    const strict = BoxCodec.qwen2Vl({ space: "thousandths", outside: "reject" })
    for (const edge of ["[0, 0, 1000, 1000]", "[0, 10, 20, 30]", "[10, 0, 20, 30]", "[990, 990, 1000, 1000]"]) {
      assert.strictEqual(strict.encode(Result.getOrThrow(strict.decode(edge))), edge)
    }
    // A canvas that all pictures share has an edge, pixels of any picture have none.
    const canvas = BoxCodec.qwen2Vl({ space: "absolute", frame: Box.pixels({ width: 100, height: 50 }) })
    assert.deepStrictEqual(boxesOf(canvas, "[90, 10, 120, 60]"), [[90, 10, 10, 40]])
    assert.deepStrictEqual(boxesOf(BoxCodec.qwen2Vl({ space: "absolute" }), "[90, 10, 120, 60]"), [[90, 10, 30, 50]])
  })
})

/** Model output after accidents: characters lost, doubled, swapped, cut and mixed in. */
const mutated = (draw: Keyed.Stream): string => {
  const codec = draw.pick([scenes, corners, BoxCodec.scenes({ labels: names })])
  const labels = codec.labels
  const truth = annotation(draw, Box.thousandths, { most: 4, ...(labels === undefined ? {} : { labels }) })
  let text = draw.next() < 0.3 ? `{"bbox_2d": ${codec.encode(truth)}, 'label': "cup"}` : codec.encode(truth)
  const scraps = [
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    "\"",
    "'",
    ":",
    "\\",
    "\\u12",
    "NaN",
    "1e999",
    "-",
    "None",
    "```",
    "bbox_2d",
    "９",
    "\u0000",
    "\ud800",
    "<|box_start|>",
    " "
  ]
  for (let accident = draw.int(6); accident > 0; accident--) {
    const at = draw.int(text.length + 1)
    const end = Math.min(text.length, at + draw.int(8))
    text = draw.pick([
      () => text.slice(0, at) + text.slice(end),
      () => text.slice(0, at) + draw.pick(scraps) + text.slice(at),
      () => text.slice(0, end) + text.slice(at),
      () => text.slice(0, at),
      () => text.slice(0, at) + draw.pick(scraps).repeat(1 + draw.int(30)) + text.slice(end)
    ])()
  }
  return text
}

describe("decoding", () => {
  const checked = <S extends Box.Space>(codec: BoxCodec.Codec<S>, text: string) => {
    const read = codec.decode(text)
    if (Result.isFailure(read)) return assert.isTrue(read.failure.reason.length > 0 && read.failure.value.length <= 80)
    for (const { box: [x, y, width, height], label } of read.success) {
      assert.isTrue([x, y, width, height].every(Number.isFinite) && width > 0 && height > 0 && x >= 0 && y >= 0, text)
      const end = codec.space === "thousandths" ? 1000 : codec.space === "unit" ? 1 : 2e6
      assert.isTrue(x + width <= end * (1 + 1e-12) && y + height <= end * (1 + 1e-12), text)
      if (codec.labels !== undefined) assert.include(codec.labels, label)
    }
  }
  const labelled = BoxCodec.scenes({ labels: names })
  const unit = BoxCodec.make({ space: "unit", order: "xyxy", style: "pairs", outside: "reject" })
  const total = (text: string) => {
    checked(scenes, text)
    checked(labelled, text)
    checked(BoxCodec.qwen25Vl(), text)
    checked(unit, text)
  }

  it("is total on 10,000 mutated outputs", () => {
    let good = 0
    for (let i = 0; i < 10_000; i++) {
      const text = mutated(Keyed.stream(i, "mutated"))
      total(text)
      if (Result.isSuccess(scenes.decode(text))) good++
    }
    // Neither all broken nor all whole: the fuzzing reaches both sides.
    assert.isTrue(good > 1000 && good < 8000, String(good))
  })

  it("is total on 10,000 strings of the characters that matter", () => {
    const alphabet = Array.from("[](){},:\"'\\ \n0123456789.-+eEN_truexy\u00b2\ud83d")
    for (let i = 0; i < 10_000; i++) {
      const draw = Keyed.stream(i, "characters")
      total(Array.from({ length: draw.int(60) }, () => draw.pick(alphabet)).join(""))
    }
  })

  it("stays linear on hostile texts", () => {
    const spent = stopwatch()
    for (
      const piece of [
        "[1,",
        "(1,",
        "((((((((((1,1,",
        "[1] ",
        "{a:",
        "(\"",
        "['",
        "9",
        "9.",
        "[[[[[1],[1],x",
        "\\",
        "e9",
        "[1,2,3,4"
      ]
    ) {
      const text = piece.repeat(Math.floor(99_000 / piece.length))
      checked(labelled, text)
      checked(labelled, `[${text}`)
    }
    assert.isBelow(spent(), 10_000)
  })
})
