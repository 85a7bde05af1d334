/**
 * A member in a process of its own: `node child.ts <folder> <id> [mode]`. Tells its address on stdout.
 * - `echo` (default): sends every frame back to its sender, whose address comes as the first frame.
 * - `burst`: sends the frames that its first frame asks for, `count,size`, as fast as it can.
 */
import { systemRuntime } from '../../../src/runtime/system.ts'
import { openMesh } from '../../../src/transport/sqlite/mesh/mesh.ts'

const [folder = '', self = '', mode = 'echo'] = process.argv.slice(2)
const addresses = new Map<string, string>()

const mesh = await openMesh({
  folder,
  self,
  runtime: systemRuntime,
  onFrame(from, frame) {
    const address = addresses.get(from)
    if (address === undefined) addresses.set(from, frame.toString())
    else if (mode === 'echo') mesh.send(from, address, frame)
    else void burst(from, address, frame.toString().split(',').map(Number))
  },
  onGone: () => undefined,
})

async function burst(to: string, address: string, [count = 0, size = 0]: number[]): Promise<void> {
  for (let i = 0; i < count; i++) {
    const frame = Buffer.allocUnsafe(size)
    frame.writeUInt32LE(i, 0)
    const outcome = mesh.send(to, address, frame)
    if (outcome !== 'sent') await outcome
  }
}

process.stdout.write(`${mesh.address}\n`)
process.stdin.on('data', (text: Buffer) => {
  if (text.toString().startsWith('close')) void mesh.close().then(() => process.stdin.destroy())
})
