/** Rounds up to a multiple, so that few different shapes are compiled. */
export const roundUp = (n: number, multiple: number): number => Math.max(multiple, Math.ceil(n / multiple) * multiple)
