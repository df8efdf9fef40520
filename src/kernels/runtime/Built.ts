/** Whether this runs as a clone's sources or as a built package, which has no .ts files. */
export const built = !import.meta.url.endsWith(".ts")

/** The module of this folder that a thread or process begins with. */
export const entry = (name: "probe" | "worker"): URL => new URL(`./${name}${built ? ".js" : ".ts"}`, import.meta.url)
