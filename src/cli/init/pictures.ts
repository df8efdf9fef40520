/**
 * The pictures that `rise init` draws: weather in simple shapes, each one a little different.
 */
import { Effect } from "effect"
import sharp from "sharp"
import * as Keyed from "../../kernels/math/Keyed.ts"

/** Sides in pixels: what the embedded checkpoint was pretrained on. */
const side = 112

/** A number in [from, to). */
type Draw = (from: number, to: number) => number

const cloud = (x: number, y: number, shade: number): string => {
  const grey = `rgb(${shade},${shade},${shade + 8})`
  const puffs = [[-18, 4, 13], [0, -4, 17], [18, 4, 13]] as const
  return puffs.map(([dx, dy, r]) => `<circle cx="${x + dx}" cy="${y + dy}" r="${r}" fill="${grey}"/>`).join("")
}

const many = (count: number, one: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => one(i)).join("")

/** What stands on the sky, by label. */
const weathers: Readonly<Record<string, (draw: Draw) => readonly [sky: string, shapes: string]>> = {
  rain: (draw) => {
    const [x, slant] = [draw(45, 67), draw(-8, 8)]
    const drops = many(9, (i) => {
      const [left, top] = [x - 32 + 8 * i, 58 + draw(0, 30)]
      return `<line x1="${left}" y1="${top}" x2="${left + slant}" y2="${
        top + 14
      }" stroke="rgb(40,90,200)" stroke-width="4"/>`
    })
    return [`rgb(150,160,${draw(170, 185)})`, cloud(x, draw(34, 42), draw(80, 110)) + drops]
  },
  snow: (draw) => [
    `rgb(60,70,${draw(95, 120)})`,
    many(18, () => `<circle cx="${draw(6, 106)}" cy="${draw(6, 90)}" r="${draw(3, 6)}" fill="white"/>`) +
    `<rect x="0" y="${draw(92, 98)}" width="${side}" height="30" fill="white"/>`
  ],
  sun: (draw) => {
    const [x, y, r] = [draw(35, 77), draw(32, 60), draw(16, 24)]
    const rays = many(10, (i) => {
      const [cos, sin] = [Math.cos(i * Math.PI / 5), Math.sin(i * Math.PI / 5)]
      return `<line x1="${x + cos * r * 1.25}" y1="${y + sin * r * 1.25}" x2="${x + cos * r * 1.7}" y2="${
        y + sin * r * 1.7
      }" stroke="rgb(255,190,0)" stroke-width="4"/>`
    })
    return [`rgb(120,190,${draw(235, 255)})`, `<circle cx="${x}" cy="${y}" r="${r}" fill="rgb(255,205,30)"/>${rays}`]
  }
}

/** The labels, in the order of their names. */
export const labels: ReadonlyArray<string> = Object.keys(weathers)

/** How many pictures each label has in each half. */
export const halves = { train: 8, test: 4 } as const

/** One picture as a PNG. The same half, label and number give the same picture. */
export const picture = (half: string, label: string, number: number): Effect.Effect<Uint8Array> => {
  const stream = Keyed.stream(0, `init/${half}/${label}/${number}`)
  const draw: Draw = (from, to) => Math.round(from + stream.next() * (to - from))
  const [sky, shapes] = weathers[label]?.(draw) ?? ["", ""]
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">` +
    `<rect width="${side}" height="${side}" fill="${sky}"/>${shapes}</svg>`
  return Effect.promise(() => sharp(Buffer.from(svg)).png().toBuffer())
}
