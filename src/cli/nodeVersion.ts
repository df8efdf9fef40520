/**
 * Which Node this runs on. Imports nothing: it has to be read by the Nodes that it turns away.
 */

/** The first version that has what the package uses: types stripped by Node itself, zstd. */
export const oldest = "22.19.0"

/** What to say to a Node that is too old; undefined where it is not. */
export const tooOld = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  const [leastMajor = 0, leastMinor = 0] = oldest.split(".").map(Number)
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
    ? undefined
    : `rise needs Node ${oldest} or newer, this is ${version}: install one from https://nodejs.org, or run "npx ` +
      `-p node@24 -p rise-vlm rise"`
}
