/**
 * Stops `npm pack` in the clone: the archive would hold sources that Node refuses below `node_modules`, under the
 * package's name. `npm pack ./dist` packs what was built, which has no such script.
 */
console.error("the clone is not the package: npm run build && npm pack ./dist packs what can be installed")
process.exitCode = 1
