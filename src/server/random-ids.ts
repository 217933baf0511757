import { randomFillSync } from 'node:crypto'

/** Makes URL-safe ids of 256 random bits. These are taken in blocks: a call for each costs more than all the rest. */
export function randomIds(): () => string {
  const [block, size] = [Buffer.alloc(4096), 32]
  let next = block.length
  return () => {
    if (next === block.length) randomFillSync(block, (next = 0))
    const id = block.toString('base64url', next, next + size)
    block.fill(0, next, (next += size))
    return id
  }
}
