/** How long work takes, in what a machine under load does not lengthen. */

/** Tells the milliseconds of processor time that this process has used since. */
export const stopwatch = (): () => number => {
  const begun = process.cpuUsage()
  return () => {
    const { system, user } = process.cpuUsage(begun)
    return (system + user) / 1000
  }
}
