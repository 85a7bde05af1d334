import { prepareFolder } from './folder.ts'
import { Hub } from './hub.ts'
import type { Mesh, MeshOptions } from './types.ts'

/**
 * Opens the mesh. Nothing of it keeps the process running. Rejects with `STORE_UNUSABLE` where no safe folder for sockets
 * can be had: it belongs to somebody else, others can write to it, or its path is too long even in the temporary folder.
 */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  const folder = await prepareFolder(options.folder)
  const hub = new Hub(options, folder)
  await hub.listen()
  return hub
}
