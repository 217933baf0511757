import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32, deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { type Answer, inEveryWorld, inWorld, type World } from './fixture.test.ts'
import { formatOf, type Image, imageTypes, readImage } from './image.ts'
import { thumbnailSize } from './thumbnail-size.ts'

const colour = { r: 200, g: 100, b: 50 }
const jpeg = (width: number, height: number, orientation = 1): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: colour } })
    .withMetadata({ orientation })
    .jpeg()
    .toBuffer()
const png = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 4, background: { ...colour, alpha: 0.5 } } })
    .png()
    .toBuffer()
const moving = (width: number, height: number, frames: number) =>
  sharp(randomBytes(width * height * frames * 4), {
    raw: { width, height: height * frames, channels: 4, pageHeight: height },
  })

const chunk = (type: string, data: Buffer): Buffer => {
  const whole = Buffer.alloc(12 + data.length)
  whole.writeUInt32BE(data.length)
  whole.write(type, 4, 'latin1')
  data.copy(whole, 8)
  whole.writeUInt32BE(crc32(whole.subarray(4, 8 + data.length)), 8 + data.length)
  return whole
}
/** A grey PNG of that size; what is in it compresses to nearly nothing. */
const bomb = (width: number, height: number, between: Buffer[] = []): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  const data = deflateSync(Buffer.alloc(Math.min((width + 1) * height, 50_000_000)))
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...between,
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const thumbnail = ({ ask }: World, id: string, query: string): Promise<Answer> =>
  ask('GET', `/_matrix/client/v1/media/thumbnail/one.test/${id}?${query}`, { token: 'guest' })

/** What image an answer holds. */
async function look(answer: Answer): Promise<Image> {
  assert.equal(answer.outcome, '200')
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-look-'))
  try {
    await writeFile(join(folder, 'image'), answer.bytes)
    const format = await formatOf(answer.bytes)
    const image = format === undefined ? undefined : await readImage(join(folder, 'image'), format)
    assert.ok(image)
    assert.equal(imageTypes[answer.headers.get('content-type') ?? ''], image.format)
    return image
  } finally {
    await rm(folder, { recursive: true })
  }
}

const dimensions = ({ width, height, format }: Image): string => `${width}x${height} ${format}`

inEveryWorld(
  'thumbnails have the next size that is large enough, cropped or scaled, and are kept',
  {},
  async (world) => {
    const id = await world.upload(await jpeg(4000, 3000), 'application/octet-stream')
    const expected = {
      'width=32&height=32&method=crop': '32x32 jpeg',
      'width=33&height=1&method=crop': '96x3 jpeg',
      'width=90&height=90&method=crop': '96x96 jpeg',
      'width=320&height=240&method=scale': '320x240 jpeg',
      'width=320&height=240': '320x240 jpeg',
      'width=240&height=320&method=scale': '640x480 jpeg',
      'width=200&height=100&method=crop': '240x120 jpeg',
      'width=801&height=600&method=scale': '1600x1200 jpeg',
      'width=800&height=600&method=crop': '800x600 jpeg',
      'width=5000&height=5000&method=scale': '4000x3000 jpeg',
    }
    for (const [query, size] of Object.entries(expected)) {
      const answer = await thumbnail(world, id, query)
      assert.equal(dimensions(await look(answer)), size, query)
      assert.match(answer.headers.get('content-disposition') ?? '', /^inline; filename="thumbnail\.jpeg"$/)
      assert.match(answer.headers.get('content-security-policy') ?? '', /^sandbox;/)
      assert.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin')
      const again = await thumbnail(world, id, query)
      assert.ok(again.headers.get('etag'), 'from the store')
      assert.deepEqual(again.bytes, answer.bytes)
    }
  },
)

inWorld(
  'an image that is smaller than what is asked for is given as it is, and none is ever made larger',
  {},
  async (world) => {
    const small = await jpeg(50, 40)
    const id = await world.upload(small)
    assert.deepEqual((await thumbnail(world, id, 'width=96&height=96&method=crop')).bytes, small)
    assert.deepEqual((await thumbnail(world, id, 'width=64&height=64&method=scale')).bytes, small)
    assert.equal(dimensions(await look(await thumbnail(world, id, 'width=32&height=32&method=crop'))), '32x32 jpeg')
    const wide = await world.upload(await jpeg(1000, 20))
    assert.equal(dimensions(await look(await thumbnail(world, wide, 'width=96&height=96&method=crop'))), '96x20 jpeg')
    assert.equal(
      dimensions(await look(await thumbnail(world, wide, 'width=320&height=240&method=scale'))),
      '320x6 jpeg',
    )
  },
)

inWorld(
  'a photograph is turned upright, transparency stays, and what browsers may not know becomes what they do',
  {},
  async (world) => {
    assert.equal(
      dimensions(
        await look(await thumbnail(world, await world.upload(await jpeg(400, 300, 6)), 'width=320&height=240')),
      ),
      '180x240 jpeg',
    )
    assert.equal(
      dimensions(await look(await thumbnail(world, await world.upload(await png(400, 300)), 'width=320&height=240'))),
      '320x240 png',
    )
    const avif = await sharp({ create: { width: 64, height: 64, channels: 3, background: colour } })
      .avif()
      .toBuffer()
    assert.equal(
      dimensions(await look(await thumbnail(world, await world.upload(avif), 'width=96&height=96'))),
      '64x64 jpeg',
    )
    const webp = await sharp({ create: { width: 64, height: 64, channels: 3, background: colour } })
      .webp()
      .toBuffer()
    assert.equal(
      dimensions(await look(await thumbnail(world, await world.upload(webp), 'width=96&height=96'))),
      '64x64 webp',
    )
  },
)

inWorld(
  'what moves goes on moving where that is asked for, and only there',
  { media: { max_image_pixels: 200_000 } },
  async (world) => {
    const files = {
      gif: await moving(100, 50, 10).gif({ delay: 50 }).toBuffer(),
      webp: await moving(100, 50, 10).webp({ delay: 50 }).toBuffer(),
    }
    for (const [format, bytes] of Object.entries(files)) {
      const id = await world.upload(bytes, 'image/jpeg')
      const crop = 'width=32&height=32&method=crop'
      const animated = await look(await thumbnail(world, id, `${crop}&animated=true`))
      assert.deepEqual([dimensions(animated), animated.frames], ['32x32 webp', 10])
      for (const query of [
        crop,
        `${crop}&animated=false`,
        'width=640&height=480',
        'width=640&height=480&animated=false',
      ]) {
        assert.equal((await look(await thumbnail(world, id, query))).frames, 1, query)
      }
      const original = await thumbnail(world, id, 'width=640&height=480&animated=true')
      assert.deepEqual(original.bytes, bytes)
      assert.equal(original.headers.get('content-type'), `image/${format}`)
    }
    const long = await world.upload(await moving(100, 50, 50).gif().toBuffer())
    assert.equal((await look(await thumbnail(world, long, 'width=32&height=32&animated=true'))).frames, 1)
    const apng = await world.upload(bomb(40, 40, [chunk('acTL', Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]))]))
    assert.equal(
      (await thumbnail(world, apng, 'width=96&height=96&animated=true')).headers.get('content-type'),
      'image/apng',
    )
    assert.notEqual((await thumbnail(world, apng, 'width=96&height=96')).headers.get('content-type'), 'image/apng')
    const still = await world.upload(await png(100, 100))
    assert.equal(dimensions(await look(await thumbnail(world, still, 'width=32&height=32&animated=true'))), '32x32 png')
  },
)

// CVE-2024-53863, CVE-2024-56515
inEveryWorld(
  'what is no image by its first bytes is refused in milliseconds, whatever it is called',
  {},
  async (world) => {
    const files: Record<string, string | Buffer> = {
      svg: '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><script>alert(1)</script></svg>',
      'svg in xml':
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "&b;&b;">]><svg xmlns="http://www.w3.org/2000/svg"/>',
      tiff: await sharp({ create: { width: 10, height: 10, channels: 3, background: colour } })
        .tiff()
        .toBuffer(),
      'jpeg xl': Buffer.from('0000000c4a584c200d0a870a', 'hex'),
      mp4: Buffer.from('00000018667479706d703432000000006d70343269736f6d', 'hex'),
      heic: Buffer.from('000000186674797068656963000000006865696368656966', 'hex'),
      pdf: '%PDF-1.7',
      postscript: '%!PS-Adobe-3.0',
      pnm: 'P6 9 9 255 ',
      html: '<html><script>alert(1)</script>',
      zip: Buffer.from('504b0304', 'hex'),
      encrypted: randomBytes(5000),
      text: 'hello',
      nothing: '',
      'a vips file': Buffer.from('08f2a6b6', 'hex'),
    }
    await thumbnail(world, await world.upload(await jpeg(10, 10)), 'width=5&height=5')
    for (const [name, bytes] of Object.entries(files)) {
      const id = await world.upload(bytes, 'image/png')
      const start = performance.now()
      assert.equal((await thumbnail(world, id, 'width=32&height=32')).outcome, '400 M_UNKNOWN', name)
      assert.ok(performance.now() - start < 1000, name)
      assert.equal((await thumbnail(world, id, 'width=32&height=32')).outcome, '400 M_UNKNOWN', name)
    }
    assert.deepEqual(world.errors, [])
  },
)

// CVE-2021-29453
inWorld(
  'a small file that would unpack to a huge image is refused in milliseconds, without being unpacked',
  {},
  async (world) => {
    await thumbnail(world, await world.upload(await jpeg(10, 10)), 'width=5&height=5')
    const before = process.memoryUsage().rss
    for (const [width, height] of [
      [50_000, 50_000],
      [7072, 7072],
      [0x7fffffff, 0x7fffffff],
      [50_000_001, 1],
    ] as const) {
      const id = await world.upload(bomb(width, height))
      const start = performance.now()
      assert.match(
        (await thumbnail(world, id, 'width=96&height=96&method=crop')).outcome,
        /^(413 M_TOO_LARGE|400 M_UNKNOWN)$/,
      )
      assert.ok(performance.now() - start < 1000)
    }
    assert.ok(process.memoryUsage().rss - before < 300 * 1024 * 1024)
    assert.equal(
      (await thumbnail(world, await world.upload(bomb(50_000, 50_000)), 'width=96&height=96')).outcome,
      '413 M_TOO_LARGE',
    )
  },
)

inWorld('an image that is broken behind its header is refused', {}, async (world) => {
  const whole = await sharp(randomBytes(300 * 300 * 3), { raw: { width: 300, height: 300, channels: 3 } })
    .jpeg()
    .toBuffer()
  const lie = Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
  ])
  const gifThatEnds = (await moving(100, 100, 3).gif().toBuffer()).subarray(0, 40)
  for (const bytes of [whole.subarray(0, 200), lie, gifThatEnds]) {
    const id = await world.upload(bytes, 'image/jpeg')
    for (let count = 0; count < 2; count++)
      assert.equal((await thumbnail(world, id, 'width=32&height=32')).outcome, '400 M_UNKNOWN')
  }
  assert.deepEqual(world.errors, [])
})

inWorld('a size that makes no sense is refused', {}, async (world) => {
  const id = await world.upload(await jpeg(10, 10))
  for (const query of [
    '',
    'width=10',
    'height=10',
    'width=0&height=10',
    'width=-1&height=10',
    'width=1.5&height=10',
    'width=a&height=10',
    'width=10&height=10&method=stretch',
    'width=1e99&height=1',
  ]) {
    assert.match((await thumbnail(world, id, query)).outcome, /^400 M_(INVALID|MISSING)_PARAM$/, query)
  }
  assert.equal((await thumbnail(world, 'nothing', 'width=10&height=10')).outcome, '404 M_NOT_FOUND')
  assert.equal((await thumbnail(world, id, 'width=9007199254740991&height=1')).status, 200)
})

inEveryWorld('the same thumbnail asked for many times at once is made once, and few are kept', {}, async (world) => {
  const id = await world.upload(await jpeg(2000, 1500))
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => thumbnail(world, id, 'width=96&height=96&method=crop')),
  )
  for (const answer of answers) assert.deepEqual(answer.bytes, answers[0]?.bytes)
  assert.equal((await world.files()).length, 2)
  const sizes = Array.from({ length: 40 }, (_, index) =>
    thumbnail(world, id, `width=200&height=${index + 20}&method=crop`),
  )
  for (const answer of await Promise.all(sizes)) assert.equal(answer.status, 200)
  const kept = await world.database.read.selectFrom('media_thumbnails').select('variant').execute()
  assert.equal(kept.length, 24)
  assert.deepEqual(world.errors, [])
  assert.deepEqual(readdirSync(join(world.directory, 'incoming')), [])
})

test('a thumbnail is never smaller than it was asked for, and few sizes are ever made', () => {
  const made = new Set<string>()
  const side = fc.integer({ min: 1, max: 4096 })
  fc.assert(
    fc.property(side, side, fc.constantFrom('crop' as const, 'scale' as const), (width, height, method) => {
      const size = thumbnailSize({ width, height, method, animated: false })
      assert.ok(size.width >= width && size.height >= height)
      if (method === 'crop')
        assert.ok(
          Math.abs(size.width * height - size.height * width) <= Math.max(width, height) * 1.0001,
          'the shape is kept to a pixel',
        )
      else made.add(`${size.width}x${size.height}`)
    }),
    { numRuns: 2000 },
  )
  assert.ok(made.size <= 7)
})
