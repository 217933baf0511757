import assert from 'node:assert/strict'
import { inEveryWorld, inWorld, mediaIdOf, type Payload, type World } from './fixture.test.ts'
import { sweep } from './sweep.ts'

const uploadPath = '/_matrix/media/v3/upload'
const hour = 60 * 60 * 1000

const create = async ({ ask }: World, token = 'alice'): Promise<string> => {
  const answer = await ask('POST', '/_matrix/media/v1/create', { token, body: '{}' })
  assert.equal(answer.outcome, '200')
  return mediaIdOf(answer)
}

const put = ({ ask }: World, mediaId: string, body: Payload, token = 'alice', query = '') =>
  ask('PUT', `${uploadPath}/one.test/${mediaId}${query}`, { token, body, headers: { 'content-type': 'text/plain' } })

inEveryWorld(
  'what is uploaded comes back as it was, with its type and its name',
  {},
  async ({ upload, download, files }) => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
    const id = await upload(bytes, 'Image/PNG; Charset="x"', '?filename=War%20and%20Peace.png')
    assert.match(id, /^[0-9A-Za-z_-]{24}$/)
    const { status, headers, bytes: answer } = await download(id)
    assert.equal(status, 200)
    assert.deepEqual(answer, bytes)
    assert.equal(headers.get('content-type'), 'image/png; charset="x"')
    assert.equal(headers.get('content-disposition'), 'inline; filename="War and Peace.png"')
    assert.equal(headers.get('content-length'), '300000')
    assert.equal((await files()).length, 1)
  },
)

inEveryWorld(
  'the same content is kept once, whoever sends it and under whatever name, also when it comes in at once',
  {},
  async (world) => {
    const { upload, download, files, ask } = world
    const first = await upload('same', 'text/plain', '?filename=a.txt')
    const second = await upload('same', 'text/html', '?filename=b.html')
    const many = await Promise.all(Array.from({ length: 10 }, () => upload('new', 'text/plain')))
    await ask('POST', uploadPath, { token: 'bob', body: 'same' })
    assert.notEqual(first, second)
    assert.equal(new Set(many).size, 10)
    assert.equal((await download(first)).headers.get('content-disposition'), 'inline; filename="a.txt"')
    assert.equal((await download(second)).headers.get('content-disposition'), 'attachment; filename="b.html"')
    for (const id of many) assert.equal((await download(id)).bytes.toString(), 'new')
    await sweep(world.media.context)
    assert.equal((await files()).length, 2)
  },
)

inWorld('an empty file is a file', {}, async ({ upload, download }) => {
  const answer = await download(await upload(''))
  assert.deepEqual([answer.status, answer.bytes.length, answer.headers.get('content-length')], [200, 0, '0'])
  assert.equal((await download(await upload(''), { range: 'bytes=0-' })).status, 416)
})

inWorld(
  'a file that is too large is refused, announced or not, and leaves nothing behind',
  { media: { max_upload_size: 100_000 } },
  async ({ ask, files, upload }) => {
    const large = new Uint8Array(100_001)
    assert.equal((await ask('POST', uploadPath, { token: 'alice', body: large })).outcome, '413 M_TOO_LARGE')
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(50_000)) })
    assert.equal(
      (await ask('POST', uploadPath, { token: 'alice', body: endless, duplex: 'half' })).outcome,
      '413 M_TOO_LARGE',
    )
    assert.deepEqual(await files(), [])
    await upload(large.subarray(1))
    const config = await ask('GET', '/_matrix/client/v1/media/config', { token: 'alice' })
    assert.deepEqual(config.json, { 'm.upload.size': 100_000 })
    assert.equal((await ask('GET', '/_matrix/media/v3/config', { token: 'alice' })).json['m.upload.size'], 100_000)
  },
)

inWorld('an upload that breaks off leaves nothing behind', {}, async ({ ask, files }) => {
  const stop = new AbortController()
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new Uint8Array(50_000)),
    pull: () => void setTimeout(() => stop.abort(), 50),
  })
  await assert.rejects(ask('POST', uploadPath, { token: 'alice', body, duplex: 'half', signal: stop.signal }))
  for (let tries = 0; (await files()).length > 0; tries++) {
    assert.ok(tries < 100)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

// CVE-2024-52805 and its way round by letter case
inWorld('a form is refused before it is read, however its type is spelt', {}, async ({ ask, files }) => {
  for (const type of [
    'multipart/form-data; boundary=x',
    'Multipart/Form-Data;boundary=x',
    ' MULTIPART/mixed',
    'multipart/form-data ; boundary=x',
  ]) {
    assert.equal(
      (await ask('POST', uploadPath, { token: 'alice', body: '--x', headers: { 'content-type': type } })).outcome,
      '403 M_FORBIDDEN',
      type,
    )
  }
  assert.deepEqual(await files(), [])
})

inWorld('only people who are signed in, with an account that is not suspended, upload', {}, async ({ ask }) => {
  const outcome = async (token: string | undefined) => (await ask('POST', uploadPath, { token, body: 'x' })).outcome
  assert.equal(await outcome(undefined), '401 M_MISSING_TOKEN')
  assert.equal(await outcome('nobody'), '401 M_UNKNOWN_TOKEN')
  assert.equal(await outcome('guest'), '403 M_GUEST_ACCESS_FORBIDDEN')
  assert.equal(await outcome('suspended'), '403 M_USER_SUSPENDED')
  assert.equal((await ask('POST', '/_matrix/media/v1/create', { token: 'suspended' })).outcome, '403 M_USER_SUSPENDED')
})

inEveryWorld(
  'a user has no more than the quota, also with uploads at once',
  { media: { user_quota: 1000 } },
  async ({ ask, upload }) => {
    await upload(new Uint8Array(600))
    const sizes = await Promise.all(
      [1, 2, 3].map((fill) => ask('POST', uploadPath, { token: 'alice', body: new Uint8Array(300).fill(fill) })),
    )
    assert.deepEqual(sizes.map((answer) => answer.outcome).sort(), ['200', '403 M_FORBIDDEN', '403 M_FORBIDDEN'])
    await upload(new Uint8Array(100))
    assert.equal((await ask('POST', uploadPath, { token: 'alice', body: 'x' })).outcome, '403 M_FORBIDDEN')
    assert.equal((await ask('POST', uploadPath, { token: 'bob', body: 'x' })).outcome, '200')
  },
)

inWorld('a user has no more files than the quota', { media: { user_quota_files: 2 } }, async (world) => {
  await world.upload('a')
  const id = await create(world)
  assert.equal((await world.ask('POST', uploadPath, { token: 'alice', body: 'b' })).outcome, '403 M_FORBIDDEN')
  assert.equal((await put(world, id, 'b')).outcome, '200')
})

inEveryWorld('an address can be had first and its file later, once', {}, async (world) => {
  const { ask, download, clock } = world
  const answer = await ask('POST', '/_matrix/media/v1/create', { token: 'alice', body: '{}' })
  assert.equal(answer.json['unused_expires_at'], clock.now + 24 * hour)
  const id = mediaIdOf(answer)
  assert.equal(
    (await ask('GET', `/_matrix/client/v1/media/download/one.test/${id}?timeout_ms=0`, { token: 'alice' })).outcome,
    '504 M_NOT_YET_UPLOADED',
  )
  assert.equal((await put(world, id, 'stolen', 'bob')).outcome, '403 M_FORBIDDEN')
  assert.equal((await put(world, id, 'late', 'alice', '?filename=late.txt')).outcome, '200')
  const found = await download(id)
  assert.deepEqual(
    [found.bytes.toString(), found.headers.get('content-disposition')],
    ['late', 'inline; filename="late.txt"'],
  )
  assert.equal((await put(world, id, 'again')).outcome, '409 M_CANNOT_OVERWRITE_MEDIA')
  assert.equal((await put(world, 'neverMade', 'x')).outcome, '404 M_NOT_FOUND')
  assert.equal(
    (await ask('PUT', `${uploadPath}/two.test/${id}`, { token: 'alice', body: 'x' })).outcome,
    '404 M_NOT_FOUND',
  )
  assert.equal(
    (await put(world, mediaIdOf(await ask('POST', uploadPath, { token: 'alice', body: 'x' })), 'y')).outcome,
    '409 M_CANNOT_OVERWRITE_MEDIA',
  )
})

inEveryWorld(
  'two uploads to one address at once: one of them wins, and its file is the one that is served',
  {},
  async (world) => {
    const id = await create(world)
    const answers = await Promise.all(['a', 'b', 'c'].map((text) => put(world, id, text)))
    assert.deepEqual(answers.map((answer) => answer.outcome).sort(), [
      '200',
      '409 M_CANNOT_OVERWRITE_MEDIA',
      '409 M_CANNOT_OVERWRITE_MEDIA',
    ])
    const winner = ['a', 'b', 'c'][answers.findIndex((answer) => answer.status === 200)]
    assert.equal((await world.download(id)).bytes.toString(), winner)
  },
)

inWorld('whoever downloads an address without a file waits for it', {}, async (world) => {
  const id = await create(world)
  const waiting = [world.download(id), world.download(id)]
  await new Promise((resolve) => setTimeout(resolve, 100))
  await put(world, id, 'here it is')
  for (const answer of await Promise.all(waiting)) assert.equal(answer.bytes.toString(), 'here it is')
})

inEveryWorld(
  'an address without a file expires, and no more than a few wait at once',
  { media: { max_pending_uploads: 2, pending_upload_lifetime: hour } },
  async (world) => {
    const first = await create(world)
    await create(world)
    const third = await world.ask('POST', '/_matrix/media/v1/create', { token: 'alice' })
    assert.equal(third.outcome, '429 M_LIMIT_EXCEEDED')
    assert.ok(Number(third.json['retry_after_ms']) > 0)
    await create(world, 'bob')
    world.clock.now += hour
    assert.equal((await put(world, first, 'x')).outcome, '404 M_NOT_FOUND')
    assert.equal((await world.download(first)).outcome, '404 M_NOT_FOUND')
    await create(world)
    await sweep(world.media.context)
    assert.equal((await world.database.read.selectFrom('media').select('media_id').execute()).length, 1)
  },
)
