/** Checks that train at full size: minutes each, so only `npm run test:long` runs them. */
export const skip = process.env["LONG"] === undefined

/** Most minutes that one of them may take, on a busy machine. */
export const minutes = (n: number) => n * 60_000
