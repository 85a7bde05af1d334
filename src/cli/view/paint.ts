import { styleText } from 'node:util'

type Style = (text: string) => string

export interface Paint {
  readonly bold: Style
  readonly dim: Style
  readonly red: Style
  readonly green: Style
  readonly yellow: Style
  readonly cyan: Style
}

const styled = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'): Style => {
  return (text) => (text === '' ? '' : styleText(style, text, { validateStream: false }))
}

const coloured: Paint = {
  bold: styled('bold'),
  dim: styled('dim'),
  red: styled('red'),
  green: styled('green'),
  yellow: styled('yellow'),
  cyan: styled('cyan'),
}
const same: Style = (text) => text
const plain: Paint = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same }

/** Styles for an output: none where it has no colours. */
export const paintFor = ({ colours }: { readonly colours: boolean }): Paint => (colours ? coloured : plain)
