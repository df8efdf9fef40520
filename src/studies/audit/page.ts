/**
 * `audit.html`: the suspects with picture, label, what was rebuilt instead, and why.
 */
import { Effect, type FileSystem, Option, Stream } from "effect"
import * as Quoted from "../../data/Quoted.ts"
import * as Atomic from "../../dsl/Atomic.ts"
import type { RunFileError } from "../../dsl/RunError.ts"
import type { Sample, Task } from "../../dsl/Task.ts"
import type { ResultRow } from "../../evaluation/Results.ts"
import { Decode, type ImageError } from "../../kernels/image/index.ts"
import * as Drawing from "../Drawing.ts"
import type { Bar } from "../examples.ts"
import { dataUri } from "../picture.ts"
import * as Bars from "../report/Bars.ts"
import { document } from "../report/Document.ts"
import { shot } from "../report/Examples.ts"
import { cell, escape, heads, prose, row, scrolling } from "../report/Html.ts"
import * as Machine from "../report/Machine.ts"
import { type Judge, silence, type Unanswered } from "./Judge.ts"
import { rankings } from "./Scored.ts"
import type { Suspect } from "./Suspects.ts"

/** Options of `page`: what it shows. */
export interface PageOptions<A, E, R> {
  /** Path of the page. */
  readonly file: string
  readonly task: Task<A>
  /** The audited samples, for their pictures. */
  readonly data: Stream.Stream<Sample<A>, E, R>
  /** The most suspect first. */
  readonly suspects: ReadonlyArray<Suspect>
  /** Labels that the judge has said nothing of. */
  readonly unanswered: Unanswered
  /** Why what a judge suspects means nothing, a sentence each. */
  readonly doubts: ReadonlyArray<string>
  /** Who judges. */
  readonly judge: Judge
  /** Figures of the audit. */
  readonly rows: ReadonlyArray<ResultRow>
  /** Names and values for the head of the page. */
  readonly facts: ReadonlyArray<readonly [string, string]>
  /** The bars of an annotation that has shares. Boxes are drawn on the picture. */
  readonly bars?: (annotation: A) => ReadonlyArray<Bar>
  /** Suspects shown; the others are in suspects.jsonl. Default 60. */
  readonly count?: number
}

const figuresOf = (rows: ReadonlyArray<ResultRow>): string =>
  scrolling(
    "figures",
    `<table>${heads(["figure", "value"])}<tbody>${
      rows.map(({ metric, value }) => row(escape(metric), [cell(value.toFixed(3))])).join("")
    }</tbody></table>`
  )

/** Writes the page. Pictures are decoded for the suspects that are shown, and for no others. */
export const page = <A, E, R>(
  { bars = () => [], count = 60, data, doubts, facts, file, judge, rows, suspects, task, unanswered }: PageOptions<
    A,
    E,
    R
  >
): Effect.Effect<void, E | ImageError | RunFileError, R | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const shown = suspects.slice(0, count)
    const ids = new Set(shown.map(({ image }) => image))
    const pictures = new Map(
      yield* data.pipe(
        Stream.filter(({ image }) => ids.has(image.id)),
        Stream.mapEffect(({ image }) =>
          Effect.map(
            Effect.all({ uri: dataUri(image), size: Decode.size(image) }),
            (picture) => [image.id, picture] as const
          )
        ),
        Stream.runCollect
      )
    )
    const drawing = Drawing.make(task.described)
    const drawn = (text: string | null) =>
      text === null ? [] : Option.match(Option.getSuccess(task.decode(text)), { onNone: () => [], onSome: bars })
    const boxesOf = (text: string | null, size: Drawing.Size | undefined) =>
      text === null ? [] : Option.match(drawing.of(text, size), { onNone: () => [], onSome: ({ boxes }) => boxes })
    const cardOf = (suspect: Suspect): string => {
      const { agrees, image, label, question, rank, reasoning, reason, reconstruction, wrong } = suspect
      const [given, rebuilt] = [drawn(label), drawn(reconstruction)]
      const { size, uri = "" } = pictures.get(image) ?? {}
      const [right, boxes] = [boxesOf(label, size), boxesOf(reconstruction, size)]
      const compared = given.length > 0 && rebuilt.length > 0
        ? Bars.paired(given, rebuilt)
        : right.length + boxes.length > 0
        ? shot(uri, `${image}: the boxes of the label, and those rebuilt`, right, boxes)
        : ""
      const mark = agrees ? " · <b>rebuilt as labelled</b>" : ""
      const known = wrong === undefined ? "" : ` · <b>${wrong ? "wrong label" : "right label"}</b>`
      return `<div class="card example"><div>${shot(uri, image, right)}<div class="meta">${rank}. ${
        escape(image)
      }${mark}${known}` +
        `${question === undefined ? "" : `<br>asked: ${escape(question)}`}<br>label: ${escape(label)}<br>${
          rankings.map((name) => `${name} ${suspect[name].toFixed(3)}`).join(" · ")
        }` +
        `</div></div><div><div class="said"><div><b>rebuilt</b><br><code>${
          escape(reconstruction ?? "nothing")
        }</code>` +
        `${reasoning === null ? "" : `<p class="reasoning"><q>${escape(reasoning)}</q></p>`}<p class="note">${
          escape(reason)
        }</p></div>` +
        `<div>${compared}</div></div></div></div>`
    }
    const cards = shown.map(cardOf).join("")
    // A text that nothing is drawn of needs no colours.
    const barred = cards.includes("<svg class=\"bars\"")
    const key = barred || cards.includes("<rect class=\"box")
      ? ` <span class="key truth"></span>label &nbsp;<span class="key ours"></span>rebuilt${
        barred ? ", in percent" : ", its boxes dashed"
      }.`
      : ""
    const agreed = shown.filter(({ agrees }) => agrees).length
    const of = `${agreed} of the ${Quoted.count(shown.length, "label")} below`
    const marked = agreed === 0
      ? ""
      : agreed === 1
      ? ` ${of} is no suspect: every reconstruction of it agrees with it, and it is marked “rebuilt as labelled”.`
      : ` ${of} are no suspects: every reconstruction of them agrees with them. They are marked “rebuilt as labelled”.`
    const lead = "The most suspect first: labels that chains written for them do not lead back to."
    const order = cards === ""
      ? ""
      : `<p class="note">${lead}${marked}${key}</p>`
    yield* Atomic.writeText(
      file,
      document({
        title: `Suspect labels of ${task.name}`,
        facts,
        body: order +
          doubts.map((text) => `<p role="alert"><strong>${prose(text)}</strong></p>`).join("") +
          (unanswered.count === 0 ? "" : `<p><strong>${prose(silence(unanswered, judge))}</strong></p>`) +
          `<div class="stack">${cards}</div><h2>Figures</h2>${
            figuresOf(rows)
          }<h2>Machine and time</h2>${Machine.place}`,
        // It lies beside the page, which has the same bytes wherever the audit ran.
        script: true
      })
    )
  })
