/** Sessions and elementwise kernels in worker threads. */
export * as HostTensor from "./HostTensor.ts"
export * as Kernel from "./Kernel.ts"
export * as Runtime from "./Runtime.ts"
