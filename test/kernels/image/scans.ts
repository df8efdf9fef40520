/** JPEGs of scans that no encoder at hand writes so: sequential ones of several, progressive ones in another order. */
import { Effect } from "effect"
import sharp from "sharp"

const end = Buffer.of(0xff, 0xd9)

/** What lies before a JPEG's first scan, and that scan without its header. */
const parts = (bytes: Buffer) => {
  const scan = bytes.indexOf(Buffer.of(0xff, 0xda))
  return { head: bytes.subarray(0, scan), codes: bytes.subarray(scan + 2 + bytes.readUInt16BE(scan + 2), -2) }
}

/** 64 × 48 in colour, with a scan for each of `order`: the component that it holds, 1 to 3. All show the same grey. */
export const oneEach = (order: ReadonlyArray<number>): Effect.Effect<Buffer> =>
  Effect.promise(async () => {
    const create = { width: 64, height: 48, channels: 3, background: "#777" } as const
    const { codes, head } = parts(await sharp({ create }).toColourspace("b-w").jpeg().toBuffer())
    const frame = head.indexOf(Buffer.of(0xff, 0xc0))
    return Buffer.concat([
      head.subarray(0, frame),
      Buffer.of(0xff, 0xc0, 0, 17),
      head.subarray(frame + 4, frame + 9),
      Buffer.of(3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0),
      head.subarray(frame + 2 + head.readUInt16BE(frame + 2)),
      ...order.flatMap((component) => [Buffer.of(0xff, 0xda, 0, 8, 1, component, 0, 0, 63, 0), codes]),
      end
    ])
  })

/** A progressive JPEG's scans, each with the tables before it, and it with other scans. */
export const passes = (bytes: Buffer) => {
  const scans: Array<Buffer> = []
  let [head, from, at] = [0, 2, 2]
  while (bytes[at + 1] !== 0xd9) {
    const marker = bytes[at + 1]
    const next = at + 2 + bytes.readUInt16BE(at + 2)
    if (scans.length === 0 && marker !== 0xc4 && marker !== 0xda) head = from = next
    at = next
    if (marker !== 0xda) continue
    while (bytes[at] !== 0xff || bytes[at + 1] === 0 || (bytes[at + 1]! >= 0xd0 && bytes[at + 1]! <= 0xd7)) at++
    scans.push(bytes.subarray(from, at))
    from = at
  }
  return { scans, of: (scans: ReadonlyArray<Buffer>) => Buffer.concat([bytes.subarray(0, head), ...scans, end]) }
}

/** A JPEG with its first scan so many times. */
export const repeated = (bytes: Buffer, times: number): Buffer => {
  const { head } = parts(bytes)
  return Buffer.concat([head, ...new Array<Buffer>(times).fill(bytes.subarray(head.length, -2)), end])
}
