export const { nothing } = await import(`a-package-that-is-not-there`)
