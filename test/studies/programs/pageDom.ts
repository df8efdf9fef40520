/**
 * As much of a browser as the report's own script needs: elements that remember what was made of them, and scripts that
 * are read from the folder beside the page.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createContext, runInContext } from "node:vm"

/** An element. */
export class Element {
  readonly children: Array<Element | string> = []
  readonly attributes = new Map<string, string>()
  readonly listeners = new Map<string, (event: unknown) => void>()
  readonly dataset: Record<string, string> = {}
  readonly tag: string
  hidden = false
  disabled = false
  open = false
  scrollTop = 0
  src = ""
  onload: () => void = () => {}
  onerror: () => void = () => {}
  private set: string | undefined
  private readonly loading: (script: Element) => void

  constructor(tag: string, loading: (script: Element) => void = () => {}) {
    this.tag = tag
    this.loading = loading
  }

  /** Of a choice the first, as long as nobody has chosen. */
  get value(): string {
    const [first] = this.children
    return this.set ?? (this.tag === "select" && first instanceof Element ? first.attributes.get("value") ?? "" : "")
  }
  set value(value: string) {
    this.set = value
  }
  get textContent(): string {
    return this.children.map((child) => child instanceof Element ? child.textContent : child).join("")
  }
  set textContent(text: string) {
    this.children.splice(0, this.children.length, text)
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value)
  }
  addEventListener(name: string, listener: (event: unknown) => void): void {
    this.listeners.set(name, listener)
  }
  append(...children: ReadonlyArray<Element | string>): void {
    this.children.push(...children)
    for (const child of children) if (child instanceof Element && child.tag === "script") this.loading(child)
  }
  replaceChildren(...children: ReadonlyArray<Element | string>): void {
    this.children.splice(0)
    this.append(...children)
  }
  remove(): void {}
  showModal(): void {
    this.open = true
  }
  close(): void {
    this.open = false
  }
  /** Everything within that is of a kind. */
  all(tag: string, className?: string): ReadonlyArray<Element> {
    return this.children.flatMap((child) =>
      child instanceof Element
        ? [
          ...(child.tag === tag && (className === undefined || child.attributes.get("class") === className)
            ? [child]
            : []),
          ...child.all(tag, className)
        ]
        : []
    )
  }
  /** Does what a person's click or choice does. */
  fire(event: string, value?: string): void {
    if (value !== undefined) this.value = value
    this.listeners.get(event)?.({ preventDefault: () => {} })
  }
  /** A number of its attributes. */
  number(name: string): number {
    return Number(this.attributes.get(name))
  }
}

/** Opens `report.html` of a folder: its own script runs, and loads what lies beside the page. */
export const openPage = async (folder: string, page = "report.html") => {
  const html = readFileSync(join(folder, page), "utf8")
  const [, code = ""] = /<script>([^]*?)<\/script>/.exec(html) ?? []
  const places = new Map(
    [...html.matchAll(/ id="(browser|loops|machine|now)"/g)].map(([, id = ""]) => [id, new Element("div")])
  )
  const loads: Array<string> = []
  const load = (script: Element) => {
    loads.push(script.src)
    queueMicrotask(() => {
      try {
        runInContext(readFileSync(join(folder, script.src.split("?")[0] ?? ""), "utf8"), context)
      } catch {
        return script.onerror()
      }
      script.onload()
    })
  }
  const body = new Element("body")
  const context = createContext({
    document: {
      createElement: (tag: string) => new Element(tag),
      createElementNS: (_: string, tag: string) => new Element(tag),
      getElementById: (id: string) => places.get(id) ?? null,
      head: new Element("head", load),
      body
    },
    performance,
    setTimeout: () => 0,
    location: { reload: () => {} }
  })
  runInContext(code, context)
  const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 20))
  await settled()
  return { html, loads, body, settled, place: (id: string) => places.get(id) }
}
