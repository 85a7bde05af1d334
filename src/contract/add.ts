/** Notes one fault of a contract, so that all are told together. */
export type Add = (text: string) => void
