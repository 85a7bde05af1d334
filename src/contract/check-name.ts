import { validName } from '../channel/names.ts'
import type { Add } from './add.ts'

/** Refuses what cannot be part of an address, and what every object or promise already answers to. */
export function checkName(where: string, name: string, add: Add): void {
  if (name in Object.prototype || name === 'prototype' || name === 'then')
    add(`${where}: ${JSON.stringify(name)} is not allowed as a name, since JavaScript gives it a meaning of its own`)
  else if (!validName.test(name))
    add(`${where}: ${JSON.stringify(name)} is not a usable name: begin with a letter, then up to 99 letters, digits, "_" or "-"`)
}

/** As `checkName`, for a name that becomes the address of a channel. */
export function checkChannel(where: string, name: string, add: Add): void {
  checkName(where, name, add)
  if (name === 'reply' || name === 'inbox') add(`${where}: "${name}" is not allowed, since reply addresses begin with it`)
}
