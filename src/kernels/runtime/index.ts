/** Sessions and the optimiser's loops in worker threads, on the CPU or on a GPU. */
export * as Device from "./Device.ts"
export * as HostTensor from "./HostTensor.ts"
export * as Nursery from "./Nursery.ts"
export * as OptimizerJob from "./OptimizerJob.ts"
export * as Runtime from "./Runtime.ts"
export * as SharedPool from "./SharedPool.ts"
