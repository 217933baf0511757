import assert from 'node:assert/strict'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { inEveryWorld, inWorld, type World } from './fixture.test.ts'
import { openSpool } from './spool.ts'
import { sweep } from './sweep.ts'

const day = 24 * 60 * 60 * 1000

const rows = async (
  { database }: World,
  table: 'media' | 'media_files' | 'media_thumbnails' | 'media_garbage',
): Promise<number> => (await database.read.selectFrom(table).selectAll().execute()).length

inEveryWorld(
  'what nobody has fetched for long enough goes, with its thumbnails, once nobody else has the same file',
  { media: { retention: { uploads: '30d' } } },
  async (world) => {
    const { upload, download, clock, media, files } = world
    const image = await sharp({ create: { width: 500, height: 500, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer()
    const old = await upload(image)
    await world.ask('GET', `/_matrix/client/v1/media/thumbnail/one.test/${old}?width=96&height=96`, { token: 'alice' })
    const fetched = await upload('fetched')
    clock.now += 20 * day
    const again = await upload(image)
    await download(fetched)
    await sweep(media.context)
    assert.equal(await rows(world, 'media'), 3)
    clock.now += 11 * day
    await sweep(media.context)
    assert.equal((await download(old)).outcome, '404 M_NOT_FOUND')
    assert.deepEqual((await download(again)).bytes, image)
    assert.equal((await download(fetched)).bytes.toString(), 'fetched')
    assert.equal((await files()).length, 3)
    clock.now += 40 * day
    await sweep(media.context)
    assert.deepEqual(await files(), [])
    for (const table of ['media', 'media_files', 'media_thumbnails', 'media_garbage'] as const)
      assert.equal(await rows(world, table), 0, table)
    const back = await upload(image)
    assert.deepEqual((await download(back)).bytes, image)
  },
)

inEveryWorld(
  'large files may go earlier, and avatars stay',
  { media: { retention: { large_uploads: '7d', large: 1000 } } },
  async (world) => {
    const { upload, database, clock, media } = world
    const small = await upload('small')
    const large = await upload(new Uint8Array(1000))
    const avatar = await upload(new Uint8Array(2000))
    await database.write(async (tx) => {
      await tx
        .insertInto('accounts')
        .values({
          user_nid: 1,
          localpart: 'alice',
          folded: 'alice',
          created_ts: 0,
          created_by: 'test',
          password_hash: null,
          deactivated: 0,
          erased: 0,
          locked: 0,
          suspended: 0,
          admin: 0,
          guest: 0,
          display_name: null,
          avatar_url: `mxc://one.test/${avatar}`,
        })
        .execute()
    })
    clock.now += 8 * day
    await sweep(media.context)
    const left = await database.read.selectFrom('media').select('media_id').execute()
    assert.deepEqual(left.map((row) => row.media_id).sort(), [small, avatar].sort())
    assert.equal((await world.download(large)).outcome, '404 M_NOT_FOUND')
  },
)

inWorld('without retention nothing goes', {}, async (world) => {
  const id = await world.upload('kept')
  world.clock.now += 10_000 * day
  await sweep(world.media.context)
  assert.equal((await world.download(id)).bytes.toString(), 'kept')
})

inEveryWorld(
  'a file that comes in again while it is being deleted is not lost',
  { media: { retention: { uploads: '1d' } } },
  async (world) => {
    for (let round = 0; round < 10; round++) {
      const first = await world.upload('the same')
      world.clock.now += 2 * day
      const [, again] = await Promise.all([
        sweep(world.media.context),
        world.upload('the same'),
        sweep(world.media.context),
      ])
      assert.equal((await world.download(again)).bytes.toString(), 'the same')
      assert.equal((await world.download(first)).status, 404)
    }
    assert.deepEqual(world.errors, [])
  },
)

inWorld(
  'what a process left behind when it ended in an upload goes at the next start',
  {},
  async ({ directory, clock, files }) => {
    const incoming = join(directory, 'incoming')
    await mkdir(incoming, { recursive: true })
    for (const [name, age] of [
      ['old', 2 * day],
      ['new', 1000],
    ] as const) {
      await writeFile(join(incoming, name), 'x')
      await utimes(join(incoming, name), new Date(clock.now - age), new Date(clock.now - age))
    }
    await openSpool(incoming, { now: () => clock.now, randomId: () => 'x' })
    assert.deepEqual(await files(), ['new'])
  },
)
