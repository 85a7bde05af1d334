/** The types that the service and its client work with. They are inferred from contracts, so they live on that floor. */
export type * from '../../contract/types/index.ts'
