/** True only for the same types, `any` and readonly included. Call it with the answer: `same<A, B>(true)`. */
export declare function same<A, B>(answer: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false): void
