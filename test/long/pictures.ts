/**
 * Pictures that nobody has seen: drawn by a program, keyed, of three kinds. 20 of each label to learn from and 10 to
 * test on.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import sharp from "sharp"
import * as Keyed from "../../src/kernels/math/Keyed.ts"

export const perLabel = { train: 20, test: 10 } as const
export type Half = keyof typeof perLabel

export interface Drawn {
  readonly half: Half
  readonly label: string
  /** Inside of the folder. */
  readonly file: string
}

const side = 112
const svg = (body: string) =>
  sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">${body}</svg>`))
const ground = (fill: string) => `<rect width="${side}" height="${side}" fill="${fill}"/>`

/** A dark disc on a light ground: left, in the centre or right. */
const disc = (label: number, { int, next }: Keyed.Stream) => {
  const light = () => 200 + int(55)
  const dark = () => int(128)
  const x = [20, 56, 92][label]! + (next() - 0.5) * 10
  return svg(
    `${ground(`rgb(${light()},${light()},${light()})`)}<circle cx="${x}" cy="${20 + next() * 72}" r="${
      10 + next() * 8
    }" fill="rgb(${dark()},${dark()},${dark()})"/>`
  ).png()
}

/** A sun, slanting lines of rain, or flakes of snow. */
const weather = (label: number, { next }: Keyed.Stream) => {
  if (label === 0) {
    return svg(
      `${ground(`rgb(${120 + next() * 60},${180 + next() * 40},255)`)}<circle cx="${20 + next() * 72}" cy="${
        15 + next() * 30
      }" r="${8 + next() * 10}" fill="rgb(255,${200 + next() * 50},60)"/>`
    ).png()
  }
  const grey = label === 1 ? 90 : 150
  const falling = Array.from({ length: 40 }, () => {
    const [x, y] = [next() * side, next() * side]
    return label === 1
      ? `<line x1="${x}" y1="${y}" x2="${x - 3}" y2="${y + 10}" stroke="rgb(180,200,255)" stroke-width="1.2"/>`
      : `<circle cx="${x}" cy="${y}" r="${1 + next() * 2}" fill="white"/>`
  })
  return svg(
    ground(`rgb(${grey + next() * 50},${grey + 10 + next() * 50},${grey + 30 + next() * 50})`) + falling.join("")
  ).png()
}

/** Noise that changes slowly: a lattice of numbers, and what lies between them. */
const noise = ({ next }: Keyed.Stream) => {
  const n = 33
  const lattice = Array.from({ length: n * n }, next)
  const at = (x: number, y: number) => lattice[(y % n) * n + x % n]!
  return (x: number, y: number) => {
    const [x0, y0] = [Math.floor(x), Math.floor(y)]
    const [fx, fy] = [x - x0, y - y0]
    return (at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx) * (1 - fy) +
      (at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx) * fy
  }
}

/** A beach, a forest or a street of textures, light and grain, as a camera's JPEG of 320 × 240. */
const photograph = (label: number, draws: Keyed.Stream) => {
  const { next } = draws
  const [width, height] = [320, 240]
  const [coarse, fine] = [noise(draws), noise(draws)]
  const horizon = 60 + next() * 100
  const light = 0.6 + next() * 0.6
  const towers = Array.from({ length: 6 }, () => [next() * width, 20 + next() * 50, next() * horizon] as const)
  const colour = (x: number, y: number, v: number) => {
    if (label === 0) {
      if (y < horizon) return [120 + y / 3, 170 + y / 4, 230]
      return y < horizon + 40
        ? [30 + 40 * v, 90 + 60 * v, 140 + 60 * v]
        : [200 + 40 * v, 180 + 40 * v, 130 + 40 * v]
    }
    if (label === 1) {
      const trunk = Math.sin(x / 14 + 3 * coarse(y / 40, 0)) > 0.7
      return trunk ? [70 + 30 * v, 50 + 20 * v, 30] : [20 + 60 * v, 60 + 120 * v, 20 + 40 * v]
    }
    if (y > horizon + 60) return [90 + 30 * v, 90 + 30 * v, 95 + 30 * v]
    if (!towers.some(([at, wide, top]) => Math.abs(x - at) < wide / 2 && y > top)) return [170, 180, 200]
    const lit = x % 14 < 7 && y % 16 < 8
    return lit ? [200, 190, 140] : [110 + 40 * v, 100 + 40 * v, 100 + 40 * v]
  }
  const data = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const rgb = colour(x, y, coarse(x / 12, y / 12) * 0.6 + fine(x / 3, y / 3) * 0.4)
      for (let c = 0; c < 3; c++) {
        data[(y * width + x) * 3 + c] = Math.max(0, Math.min(255, rgb[c]! * light + (next() - 0.5) * 24))
      }
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 80 })
}

export const kinds = {
  discs: { labels: ["left", "centre", "right"], draw: disc, ending: "png" },
  weather: { labels: ["sun", "rain", "snow"], draw: weather, ending: "png" },
  photographs: { labels: ["beach", "forest", "street"], draw: photograph, ending: "jpg" }
} as const
export type Kind = keyof typeof kinds

/** Draws all pictures of a kind into class folders below `train` and `test`. */
export const write = async (directory: string, kind: Kind, seed = 0): Promise<ReadonlyArray<Drawn>> => {
  const { draw, ending, labels } = kinds[kind]
  const drawn: Array<Drawn> = []
  for (const half of ["train", "test"] as const) {
    for (const [k, label] of labels.entries()) {
      mkdirSync(join(directory, half, label), { recursive: true })
      for (let i = 0; i < perLabel[half]; i++) {
        const file = join(half, label, `${i}.${ending}`)
        const picture = draw(k, Keyed.stream(seed, `${kind}/${file}`))
        writeFileSync(join(directory, file), await picture.toBuffer())
        drawn.push({ half, label, file })
      }
    }
  }
  return drawn
}
