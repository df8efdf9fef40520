/**
 * Figures and times as people read them.
 */

/** "1h02m", "3m07s", "12s". */
export const duration = (seconds: number): string => {
  const s = Math.max(0, Math.round(seconds))
  const two = (n: number) => String(n).padStart(2, "0")
  if (s >= 3600) return `${Math.floor(s / 3600)}h${two(Math.floor(s % 3600 / 60))}m`
  return s >= 60 ? `${Math.floor(s / 60)}m${two(s % 60)}s` : `${s}s`
}

/** "950", "4.1k", "12k". */
export const count = (n: number): string =>
  n >= 10_000 ? `${(n / 1000).toFixed(0)}k` : n >= 1000 ? `${(n / 1000).toFixed(1)}k` : n.toFixed(0)

/** "0.512", "2.0e-4". */
export const figure = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : value.toFixed(3)
