/**
 * Six backgrounds, painted straight into the pixels with jittered colours and shapes.
 */
import type { Stream } from "../../kernels/math/Keyed.ts"
import type { Background } from "./World.ts"
import { side } from "./World.ts"

type Colour = readonly [number, number, number]

/** RGB bytes, row-major `[112, 112, 3]`. */
type Canvas = Uint8ClampedArray

const jitter = (random: Stream, colour: Colour, amount = 14): Colour => [
  colour[0] + (random.next() - 0.5) * 2 * amount,
  colour[1] + (random.next() - 0.5) * 2 * amount,
  colour[2] + (random.next() - 0.5) * 2 * amount
]

/** A vertical gradient over rows `[from, to)`. */
const gradient = (canvas: Canvas, from: number, to: number, top: Colour, bottom: Colour) => {
  for (let y = from; y < to; y++) {
    const t = (y - from) / Math.max(1, to - from - 1)
    const r = top[0] + (bottom[0] - top[0]) * t
    const g = top[1] + (bottom[1] - top[1]) * t
    const b = top[2] + (bottom[2] - top[2]) * t
    for (let at = y * side * 3, end = at + side * 3; at < end; at += 3) {
      canvas[at] = r
      canvas[at + 1] = g
      canvas[at + 2] = b
    }
  }
}

const rectangle = (canvas: Canvas, left: number, top: number, width: number, height: number, colour: Colour) => {
  for (let y = Math.max(0, top); y < Math.min(side, top + height); y++) {
    for (let x = Math.max(0, left); x < Math.min(side, left + width); x++) {
      canvas.set(colour, (y * side + x) * 3)
    }
  }
}

const ellipse = (canvas: Canvas, cx: number, cy: number, rx: number, ry: number, colour: Colour, below = side) => {
  for (let y = Math.max(0, Math.ceil(cy - ry)); y <= Math.min(below - 1, Math.floor(cy + ry)); y++) {
    const half = rx * Math.sqrt(Math.max(0, 1 - ((y - cy) / ry) ** 2))
    const end = Math.min(side - 1, Math.floor(cx + half))
    for (let x = Math.max(0, Math.ceil(cx - half)); x <= end; x++) {
      const at = (y * side + x) * 3
      canvas[at] = colour[0]
      canvas[at + 1] = colour[1]
      canvas[at + 2] = colour[2]
    }
  }
}

const cloud = (canvas: Canvas, random: Stream, y: number, colour: Colour) => {
  const x = random.next() * side
  const width = 9 + random.next() * 7
  ellipse(canvas, x, y, width, 5, colour)
  ellipse(canvas, x - width * 0.6, y + 2, width * 0.6, 4, colour)
  ellipse(canvas, x + width * 0.6, y + 2, width * 0.7, 4, colour)
}

const sky = (canvas: Canvas, random: Stream) => {
  gradient(canvas, 0, side, jitter(random, [78, 158, 232]), jitter(random, [178, 221, 250]))
  ellipse(canvas, random.next() * side, 8 + random.next() * 12, 11, 11, [255, 236, 120])
  for (let i = 0; i < 3; i++) cloud(canvas, random, 15 + random.next() * 85, [248, 251, 255])
}

const sunset = (canvas: Canvas, random: Stream) => {
  const horizon = 74 + random.int(16)
  gradient(canvas, 0, horizon, jitter(random, [108, 62, 128]), jitter(random, [255, 152, 74]))
  ellipse(canvas, 20 + random.next() * 72, horizon, 17, 17, jitter(random, [255, 221, 110]), horizon)
  gradient(canvas, horizon, side, jitter(random, [176, 82, 92]), jitter(random, [82, 42, 84]))
}

const night = (canvas: Canvas, random: Stream) => {
  gradient(canvas, 0, side, jitter(random, [10, 14, 44], 8), jitter(random, [36, 42, 92], 10))
  for (let i = 0; i < 26; i++) {
    const size = random.next() < 0.3 ? 2 : 1
    rectangle(canvas, random.int(side), random.int(side), size, size, [226, 228, 214])
  }
  ellipse(canvas, 12 + random.next() * 88, 10 + random.next() * 14, 8, 8, [240, 238, 208])
}

const storm = (canvas: Canvas, random: Stream) => {
  gradient(canvas, 0, side, jitter(random, [62, 68, 78], 10), jitter(random, [122, 130, 140], 10))
  for (let i = 0; i < 4; i++) cloud(canvas, random, random.next() * 26, jitter(random, [84, 90, 102], 8))
  for (let i = 0; i < 44; i++) {
    const x = random.int(side)
    const y = random.int(side)
    for (let k = 0; k < 6; k++) rectangle(canvas, x - (k >> 1), y + k, 1, 1, [176, 190, 208])
  }
  let x = 16 + random.next() * 80
  for (let y = 18; y < 92; y++) {
    x += (Math.floor(y / 12) % 2 === 0 ? -1 : 1) * 0.9
    rectangle(canvas, Math.round(x), y, 2, 1, [255, 244, 150])
  }
}

const meadow = (canvas: Canvas, random: Stream) => {
  const horizon = 34 + random.int(18)
  gradient(canvas, 0, horizon + 8, jitter(random, [190, 226, 240]), jitter(random, [222, 240, 236]))
  gradient(canvas, horizon + 8, side, jitter(random, [124, 196, 84]), jitter(random, [64, 142, 54]))
  ellipse(canvas, random.next() * side, horizon + 16, 70, 16, jitter(random, [132, 202, 88], 8))
  const petals: ReadonlyArray<Colour> = [[255, 255, 255], [255, 214, 70], [240, 120, 170]]
  for (let i = 0; i < 24; i++) {
    const y = horizon + 14 + random.int(side - horizon - 14)
    rectangle(canvas, random.int(side), y, 2, 2, random.pick(petals))
  }
}

const room = (canvas: Canvas, random: Stream) => {
  const floor = 78 + random.int(12)
  gradient(canvas, 0, floor, jitter(random, [234, 216, 188], 10), jitter(random, [220, 198, 166], 10))
  gradient(canvas, floor, side, jitter(random, [156, 108, 68], 10), jitter(random, [116, 76, 44], 10))
  rectangle(canvas, 0, floor, side, 3, [246, 240, 228])
  for (let x = random.int(18); x < side; x += 18) rectangle(canvas, x, floor + 3, 1, side - floor, [104, 68, 40])
  const left = 6 + random.int(62)
  const top = 8 + random.int(14)
  rectangle(canvas, left, top, 36, 40, [128, 84, 52])
  rectangle(canvas, left + 3, top + 3, 30, 34, jitter(random, [206, 226, 236], 8))
  rectangle(canvas, left + 17, top + 3, 2, 34, [128, 84, 52])
  rectangle(canvas, left + 3, top + 19, 30, 2, [128, 84, 52])
}

const painters: Record<Background, (canvas: Canvas, random: Stream) => void> = {
  sky,
  sunset,
  night,
  storm,
  meadow,
  room
}

/** Fills a `[112, 112, 3]` canvas. */
export const paint = (canvas: Canvas, background: Background, random: Stream): void =>
  painters[background](canvas, random)
