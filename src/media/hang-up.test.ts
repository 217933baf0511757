// Clients that go away: nothing that was opened for them stays open.
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { inWorld, type World } from './fixture.test.ts'

const downloads = 200

/** How many files of the store this process has open. Linux alone tells. */
const openFiles = ({ directory }: World): number => {
  try {
    return readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory)
      } catch {
        return false
      }
    }).length
  } catch {
    return 0
  }
}

/** Asks for a file and hangs up after `ms`. */
async function hangUp(url: string, path: string, ms: number): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer alice\r\n\r\n`)
  await sleep(ms)
  socket.destroy()
}

inWorld('downloads that are hung up on leave no file open', {}, async (world) => {
  const mediaId = await world.upload(Buffer.alloc(3_000_000, 'x'), 'text/plain')
  const path = `/_matrix/client/v1/media/download/one.test/${mediaId}`
  for (let round = 0; round < 4; round++)
    await Promise.all(Array.from({ length: downloads / 4 }, (_, index) => hangUp(world.url, path, index % 5)))
  for (let turn = 0; openFiles(world) > 0 && turn < 200; turn++) await sleep(10)
  assert.equal(openFiles(world), 0)
  assert.equal((await world.download(mediaId)).bytes.length, 3_000_000)
  assert.deepEqual(world.errors, [])
})
