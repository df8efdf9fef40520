/**
 * The committed sprites, decoded once.
 *
 * @module
 */
import { Effect, Schema } from "effect"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import sharp from "sharp"
import * as SystemFault from "../../kernels/runtime/SystemFault.ts"
import { type Face, faces, type ObjectName, objects, type Style, styles } from "./World.ts"

/** The sprite atlas that ships with the package cannot be read. */
export class AtlasError extends Schema.TaggedError<AtlasError>()("AtlasError", {
  /** File of the atlas. */
  path: Schema.String,
  /** What is wrong with it. */
  reason: Schema.String,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message() {
    return `sprite atlas ${this.path}: ${this.reason}; "npm run assets" renders it again`
  }
}

/**
 * One sprite at two resolutions, row-major `[side, side, 4]`, colour premultiplied with alpha so that interpolation
 * does not bleed. `half` is the 2 × 2 mean: sprites drawn below three quarters of full size read it and do not alias.
 */
export interface Sprite {
  /** Side of `full`, in pixels. */
  readonly side: number
  /** RGBA, 8 bits a channel, `[side, side, 4]`. */
  readonly full: Uint8Array
  /** The same at half the side, `[side / 2, side / 2, 4]`. */
  readonly half: Uint8Array
}

/** The sprites by art style and name. */
export interface Atlas {
  /** Total over the world's names: `load` checks it. */
  readonly sprite: (style: Style, name: Face | ObjectName) => Sprite
}

const Index = Schema.fromJsonString(Schema.Struct({
  side: Schema.Int,
  sprites: Schema.Array(Schema.Struct({ style: Schema.String, name: Schema.String, x: Schema.Int, y: Schema.Int }))
}))

const folder = fileURLToPath(new URL("../../../assets/scenes/", import.meta.url))

const cut = (raw: Uint8Array, width: number, x: number, y: number, side: number): Sprite => {
  const full = new Uint8Array(side * side * 4)
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const from = ((y + row) * width + x + column) * 4
      const to = (row * side + column) * 4
      const alpha = raw[from + 3]!
      for (let c = 0; c < 3; c++) full[to + c] = Math.round((raw[from + c]! * alpha) / 255)
      full[to + 3] = alpha
    }
  }
  const small = side / 2
  const half = new Uint8Array(small * small * 4)
  for (let row = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      for (let c = 0; c < 4; c++) {
        const at = (row * 2 * side + column * 2) * 4 + c
        half[(row * small + column) * 4 + c] =
          (full[at]! + full[at + 4]! + full[at + side * 4]! + full[at + side * 4 + 4]! + 2) >> 2
      }
    }
  }
  return { side, full, half }
}

const read: Effect.Effect<Atlas, AtlasError> = Effect.gen(function*() {
  const file = (name: string) => `${folder}${name}`
  const failed = (path: string) => (cause: unknown) => new AtlasError({ path, reason: SystemFault.words(cause), cause })
  const index = yield* Effect.tryPromise({
    try: () => readFile(file("atlas.json"), "utf8"),
    catch: failed(file("atlas.json"))
  }).pipe(
    Effect.flatMap(Schema.decodeUnknownEffect(Index)),
    Effect.catchTag("SchemaError", (error) => Effect.fail(failed(file("atlas.json"))(error)))
  )
  const { data, info } = yield* Effect.tryPromise({
    try: () => sharp(file("atlas.png")).ensureAlpha().raw().toBuffer({ resolveWithObject: true }),
    catch: failed(file("atlas.png"))
  })
  const sprites = new Map<string, Sprite>()
  for (const { name, style, x, y } of index.sprites) {
    if (x + index.side > info.width || y + index.side > info.height) {
      return yield* new AtlasError({
        path: file("atlas.json"),
        reason: `${style}/${name} lies outside ${info.width} × ${info.height}`
      })
    }
    sprites.set(`${style}/${name}`, cut(data, info.width, x, y, index.side))
  }
  for (const style of styles) {
    for (const name of [...faces, ...objects]) {
      if (!sprites.has(`${style}/${name}`)) {
        return yield* new AtlasError({ path: file("atlas.json"), reason: `no sprite for ${style}/${name}` })
      }
    }
  }
  return { sprite: (style, name) => sprites.get(`${style}/${name}`)! }
})

let decoded: Atlas | undefined

/** Reads and checks the atlas, once in a process: every pass over the scenes asks for it. */
export const load: Effect.Effect<Atlas, AtlasError> = Effect.suspend(() =>
  decoded === undefined
    ? Effect.tap(read, (atlas) => Effect.sync(() => void (decoded = atlas)))
    : Effect.succeed(decoded)
)
