/**
 * Renders the sprite atlas of the embedded scenes out of open-licensed emoji art: `npm run assets`.
 *
 * Needs the icon packages (dev dependencies); users of the package need only the committed PNG and its index.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Data, Effect, FileSystem, Schema } from "effect"
import { fileURLToPath } from "node:url"
import sharp, { type OverlayOptions } from "sharp"
import * as Atlas from "../src/data/scenes/Atlas.ts"
import { render } from "../src/data/scenes/Render.ts"
import { scenes } from "../src/data/scenes/Scenes.ts"
import { type Face, faces, type ObjectName, objects, side, type Style, styles } from "../src/data/scenes/World.ts"

/** Side of a sprite in the atlas; scenes draw at 26 to 56 px. */
const spriteSide = 64
const columns = 16

const packages: Record<Style, string> = {
  noto: "noto",
  blob: "noto-v1",
  fluent: "fluent-emoji-flat",
  twemoji: "twemoji"
}

const faceIcons: Record<Face, string> = {
  smiling: "smiling-face-with-smiling-eyes",
  laughing: "face-with-tears-of-joy",
  crying: "loudly-crying-face",
  frowning: "frowning-face",
  scowling: "pouting-face",
  screaming: "face-screaming-in-fear",
  gasping: "astonished-face",
  sick: "nauseated-face",
  blank: "neutral-face",
  sleeping: "sleeping-face"
}

const objectIcons: Record<ObjectName, string> = {
  balloon: "balloon",
  popper: "party-popper",
  cake: "birthday-cake",
  gift: "wrapped-gift",
  champagne: "bottle-with-popping-cork",
  drum: "drum",
  snake: "snake",
  bomb: "bomb",
  dagger: "dagger",
  spider: "spider",
  wolf: "wolf",
  shark: "shark",
  coffin: "coffin",
  urn: "funeral-urn",
  rose: "wilted-flower",
  candle: "candle",
  heart: "broken-heart",
  violin: "violin",
  poop: "pile-of-poo",
  toilet: "toilet",
  rat: "rat",
  cigarette: "cigarette",
  pig: "pig-face",
  bin: "wastebasket",
  puppy: "dog-face",
  kitten: "cat-face",
  bunny: "rabbit-face",
  panda: "panda",
  hamster: "hamster",
  penguin: "penguin",
  umbrella: "umbrella",
  key: "key",
  book: "closed-book",
  cup: "hot-beverage",
  bus: "bus",
  phone: "telephone"
}

class MissingIcon extends Data.TaggedError("MissingIcon")<{ readonly set: string; readonly icon: string }> {
  override get message() {
    return `icon set ${this.set} has no "${this.icon}": install the exact dev dependencies (npm ci)`
  }
}

/** The part of an Iconify JSON that is needed to draw an icon. */
const IconSet = Schema.Struct({
  width: Schema.optional(Schema.Number),
  height: Schema.optional(Schema.Number),
  icons: Schema.Record(
    Schema.String,
    Schema.Struct({
      body: Schema.String,
      width: Schema.optional(Schema.Number),
      height: Schema.optional(Schema.Number)
    })
  ),
  aliases: Schema.optional(Schema.Record(Schema.String, Schema.Struct({ parent: Schema.String })))
})

const svgOf = (set: typeof IconSet.Type, name: string, icon: string) => {
  const found = set.icons[icon] ?? set.icons[set.aliases?.[icon]?.parent ?? ""]
  if (found === undefined) return Effect.fail(new MissingIcon({ set: name, icon }))
  const width = found.width ?? set.width ?? 16
  const height = found.height ?? set.height ?? 16
  return Effect.succeed(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
      `width="${spriteSide * 4}" height="${spriteSide * 4}" viewBox="0 0 ${width} ${height}">${found.body}</svg>`
  )
}

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const target = fileURLToPath(new URL("../assets/scenes/", import.meta.url))
  const names: ReadonlyArray<{ name: string; icon: string }> = [
    ...faces.map((name) => ({ name, icon: faceIcons[name] })),
    ...objects.map((name) => ({ name, icon: objectIcons[name] }))
  ]
  const sprites: Array<{ style: Style; name: string; x: number; y: number }> = []
  const layers: Array<OverlayOptions> = []
  for (const style of styles) {
    const path = fileURLToPath(import.meta.resolve(`@iconify-json/${packages[style]}/icons.json`))
    const set = yield* fs.readFileString(path).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(IconSet)))
    )
    for (const { name, icon } of names) {
      const svg = yield* svgOf(set, packages[style], icon)
      const input = yield* Effect.tryPromise(() =>
        sharp(Buffer.from(svg)).resize(spriteSide, spriteSide).png().toBuffer()
      )
      const x = (sprites.length % columns) * spriteSide
      const y = Math.floor(sprites.length / columns) * spriteSide
      sprites.push({ style, name, x, y })
      layers.push({ input, left: x, top: y })
    }
  }
  const height = Math.ceil(sprites.length / columns) * spriteSide
  const png = yield* Effect.tryPromise(() =>
    sharp({ create: { width: columns * spriteSide, height, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
      .composite(layers).png({ compressionLevel: 9, palette: false }).toBuffer()
  )
  yield* fs.makeDirectory(target, { recursive: true })
  yield* fs.writeFile(`${target}atlas.png`, png)
  const rows = sprites.map((sprite) => `    ${JSON.stringify(sprite)}`).join(",\n")
  yield* fs.writeFileString(`${target}atlas.json`, `{\n  "side": ${spriteSide},\n  "sprites": [\n${rows}\n  ]\n}\n`)
  yield* Console.log(`assets/scenes: ${sprites.length} sprites, ${png.length} bytes`)
})

/** The first test scenes, for the documentation: upper row seen objects, lower row unseen ones. */
const contactSheet = Effect.gen(function*() {
  const atlas = yield* Atlas.load
  const gap = 4
  const across = 8
  const layers = scenes({ split: "test", limit: 2 * across }).map(({ scene }, i): OverlayOptions => ({
    input: Buffer.from(render(atlas, scene).data),
    raw: { width: side, height: side, channels: 3 },
    left: Math.floor(i / 2) * (side + gap),
    top: (i % 2) * (side + gap)
  }))
  const canvas = {
    width: across * (side + gap) - gap,
    height: 2 * side + gap,
    channels: 3 as const,
    background: "white"
  }
  const target = fileURLToPath(new URL("../docs/scenes.png", import.meta.url))
  yield* Effect.tryPromise(() => sharp({ create: canvas }).composite(layers).png({ palette: true }).toFile(target))
})

program.pipe(Effect.andThen(contactSheet), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
