declare module "hungarian-on3" {
  /** `[row, column]` per row, column -1 where unassigned. `isProfit` is left out on purpose: see `Assignment.ts`. */
  export default function hungarian(
    costs: ReadonlyArray<ReadonlyArray<number>>
  ): ReadonlyArray<readonly [number, number]>
}
