/**
 * The bytes between two members: u32 LE length of what follows, u8 type, then the content.
 * Only the dialler sends `data`; `hello` is the first frame of both sides.
 */
export const type = { data: 0, hello: 1, ping: 2, pong: 3, goodbye: 4 } as const

export const headerBytes = 5
export const maxFrame = 40 * 1024 * 1024

export const ping: Buffer = control(type.ping)
export const pong: Buffer = control(type.pong)
export const goodbye: Buffer = control(type.goodbye)

/** What a member says first: the protocol's version, who it is and whom it wants (the accepting side says only who it is). */
export interface Hello {
  readonly mesh: 1
  readonly from: string
  readonly to?: string | undefined
}

export function helloFrame(hello: Hello): Buffer {
  return control(type.hello, Buffer.from(JSON.stringify(hello)))
}

/** Undefined where the bytes are not a greeting of this version. */
export function readHello(bytes: Buffer): Hello | undefined {
  if (bytes.length > 2048) return undefined
  try {
    const hello = JSON.parse(bytes.toString('utf8')) as Partial<Hello> | null
    if (hello?.mesh !== 1 || typeof hello.from !== 'string') return undefined
    return { mesh: 1, from: hello.from, to: typeof hello.to === 'string' ? hello.to : undefined }
  } catch {
    return undefined
  }
}

export function writeHeader(into: Buffer, at: number, frameType: number, length: number): void {
  into.writeUInt32LE(length + 1, at)
  into[at + 4] = frameType
}

function control(frameType: number, content: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.allocUnsafeSlow(headerBytes + content.length)
  writeHeader(bytes, 0, frameType, content.length)
  content.copy(bytes, headerBytes)
  return bytes
}
