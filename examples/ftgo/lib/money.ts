/** `"61.70"` in cents. */
export function cents(money: string): number {
  return Number(money.replace('.', ''))
}

export function money(value: number): string {
  return `${Math.floor(value / 100)}.${String(value % 100).padStart(2, '0')}`
}
