/** Charts of the report as one picture with colours of its own, for where no page is around them. */

/** Of each chart, in pixels. */
export interface SheetOptions {
  readonly width: number
  readonly height: number
  /** Charts in a row. Default 1. */
  readonly columns?: number
}

/** One SVG file of all charts, row by row. */
export const sheet = (charts: ReadonlyArray<string>, { columns = 1, height, width }: SheetOptions): string => {
  const parts = charts.map((chart, i) => {
    const [x, y] = [i % columns * width, Math.floor(i / columns) * height]
    return chart.replace("<svg ", `<svg x="${x}" y="${y}" width="${width}" height="${height}" `)
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${columns * width} ` +
    `${Math.ceil(charts.length / columns) * height}">` +
    `<style>svg{background:#fff}text{font:11px sans-serif;fill:#555}.title{font-weight:600;fill:#222}` +
    `.grid{stroke:#ddd}</style>${parts.join("")}</svg>\n`
}
