import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createOutgoing } from '../http/index.ts'
import { mediaIdOf, withWorld } from './fixture.test.ts'
import { objectName } from './object-store.ts'
import { noPayload, signS3, type S3Request } from './s3-signature.ts'
import { s3Store } from './s3-store.ts'
import { openSpool } from './spool.ts'
import { sweep } from './sweep.ts'

const key = { id: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1' }

test('requests are signed as the examples of the protocol are', () => {
  const time = Date.UTC(2013, 4, 24)
  const signature = (request: S3Request) =>
    /Signature=(\w+)$/.exec(signS3(request, key, time)['authorization'] ?? '')?.[1]
  assert.equal(
    signature({
      method: 'GET',
      url: new URL('https://examplebucket.s3.amazonaws.com/test.txt'),
      headers: { range: 'bytes=0-9' },
      payload: noPayload,
    }),
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  )
  assert.equal(
    signature({
      method: 'PUT',
      url: new URL('https://examplebucket.s3.amazonaws.com/test%24file.text'),
      payload: createHash('sha256').update('Welcome to Amazon S3.').digest('hex'),
      headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    }),
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  )
})

interface Bucket extends AsyncDisposable {
  readonly endpoint: string
  readonly objects: Map<string, { bytes: Buffer; type: string | undefined }>
  /** How the next requests fail: with a status, or by cutting the connection (0). */
  readonly failures: number[]
  /** Method and status of what was answered. */
  readonly seen: string[]
}

/** A store that speaks as much of the protocol as is needed here, and believes nothing. */
async function bucket(): Promise<Bucket> {
  const objects: Bucket['objects'] = new Map()
  const failures: number[] = []
  const seen: string[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat((await request.toArray()) as Buffer[])
    const end = (
      status: number,
      headers: Record<string, string | number> = {},
      content: string | Buffer = '',
    ): void => {
      seen.push(`${request.method} ${status}`)
      response.writeHead(status, headers).end(content)
    }
    const failure = failures.shift()
    if (failure === 0) {
      request.socket.destroy()
      return
    }
    if (failure !== undefined) {
      end(failure, {}, '<Error><Code>SlowDown</Code></Error>')
      return
    }
    const {
      authorization = '',
      'x-amz-date': date = '',
      'x-amz-content-sha256': payload = '',
    } = request.headers as Record<string, string>
    const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? []
    const headers = Object.fromEntries(
      names
        .filter((name) => !/^(host|x-amz-date|x-amz-content-sha256)$/.test(name))
        .map((name) => [name, String(request.headers[name])]),
    )
    const time = Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
    const url = new URL(`http://${request.headers.host}${request.url}`)
    const expected = signS3({ method: request.method as 'GET', url, headers, payload }, key, time)['authorization']
    if (authorization !== expected || payload !== createHash('sha256').update(body).digest('hex')) {
      end(403, {}, '<Error><Code>SignatureDoesNotMatch</Code></Error>')
      return
    }
    const found = objects.get(url.pathname)
    if (request.method === 'PUT') {
      objects.set(url.pathname, { bytes: body, type: request.headers['content-type'] })
      end(200)
    } else if (request.method === 'DELETE') end(objects.delete(url.pathname) ? 204 : 404)
    else if (!found) end(404, {}, '<Error><Code>NoSuchKey</Code></Error>')
    else {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      if (from === undefined) end(200, { 'content-length': found.bytes.length }, found.bytes)
      else end(206, {}, found.bytes.subarray(Number(from), Number(to) + 1))
    }
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    failures,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

test('files go to the bucket, come back whole or in part, and go', async () => {
  await using remote = await bucket()
  await using outgoing = createOutgoing()
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-s3-'))
  const spool = await openSpool(directory, { now: () => 0, randomId: () => randomBytes(32).toString('base64url') })
  const store = s3Store({
    endpoint: remote.endpoint,
    bucket: 'media',
    prefix: 'latchkey/',
    pathStyle: true,
    key,
    outgoing,
    spool,
    now: () => Date.now(),
  })
  const read = async (name: string, range?: { start: number; end: number }) => {
    const body = await store.open(name, range)
    return body && Buffer.concat((await body.toArray()) as Buffer[])
  }
  const bytes = randomBytes(3_000_000)
  const name = objectName(createHash('sha256').update(bytes).digest('hex'), 'abcdefghijklmnop')
  {
    await using file = await spool.write([bytes])
    await store.put(name, file, 'image/png')
    await using empty = await spool.write([])
    await store.put(objectName(empty.sha256, 'abcdefghijklmnop'), empty, 'text/plain')
  }
  assert.deepEqual(
    [...remote.objects.keys()],
    [`/media/latchkey/${name}`, `/media/latchkey/${objectName(noPayload, 'abcdefghijklmnop')}`],
  )
  assert.equal(remote.objects.get(`/media/latchkey/${name}`)?.type, 'image/png')
  assert.deepEqual(await read(name), bytes)
  assert.deepEqual(await read(name, { start: 10, end: 99 }), bytes.subarray(10, 100))
  assert.equal((await read(objectName(noPayload, 'abcdefghijklmnop')))?.length, 0)
  assert.equal(await store.withPath(name, async (path) => path.startsWith(directory)), true)
  assert.deepEqual(await readdir(directory), [])
  await store.delete(name)
  await store.delete(name)
  assert.equal(await read(name), undefined)
  assert.equal(await store.withPath(name, async () => true), undefined)
  await rm(directory, { recursive: true })
})

test('what fails for a moment is tried again; what is refused is told at once', async () => {
  await using remote = await bucket()
  await using outgoing = createOutgoing()
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-s3-'))
  const spool = await openSpool(directory, { now: () => 0, randomId: () => randomBytes(32).toString('base64url') })
  const options = {
    endpoint: remote.endpoint,
    bucket: 'media',
    prefix: '',
    pathStyle: true,
    key,
    outgoing,
    spool,
    now: () => Date.now(),
  }
  const store = s3Store(options)
  await using file = await spool.write(['hello', ' ', 'world'].map((text) => Buffer.from(text)))
  const name = objectName(file.sha256, 'abcdefghijklmnop')
  remote.failures.push(503, 0, 500)
  await store.put(name, file, 'text/plain')
  assert.equal(remote.objects.get(`/media/${name}`)?.bytes.toString(), 'hello world')
  remote.failures.push(503, 503, 503, 503)
  await assert.rejects(store.open(name), /The store answered 503 SlowDown to GET \/media\//)
  remote.seen.length = 0
  await assert.rejects(
    s3Store({ ...options, key: { ...key, secret: 'wrong' } }).put(name, file, 'text/plain'),
    /403 SignatureDoesNotMatch/,
  )
  assert.deepEqual(remote.seen, ['PUT 403'])
  await rm(directory, { recursive: true })
})

test('a whole life of a file in a bucket', async () => {
  await using remote = await bucket()
  const media = {
    store: 's3',
    s3: { endpoint: remote.endpoint, bucket: 'media', access_key_id: key.id, secret_access_key: key.secret },
  } as const
  await withWorld(
    'sqlite::memory:',
    { media },
    async ({ ask, upload, download, files, media: { context: ctx }, clock, errors }) => {
      const bytes = randomBytes(1_000_000)
      const ids = [await upload(bytes, 'video/mp4'), await upload(bytes, 'video/mp4')]
      assert.equal(remote.objects.size, 1)
      assert.deepEqual((await download(ids[0] ?? '')).bytes, bytes)
      const part = await download(ids[1] ?? '', { range: 'bytes=999990-' })
      assert.deepEqual([part.status, part.bytes], [206, bytes.subarray(999_990)])
      assert.deepEqual(await files(), [])
      // The store is gone for a while: nothing of the upload is entered, and what may have arrived all the same is garbage.
      remote.failures.push(503, 503, 503, 503)
      await assert.rejects(
        ask('POST', '/_matrix/media/v3/upload', { token: 'alice', body: 'lost' }),
        /server error 500/,
      )
      assert.equal(errors.length, 1)
      clock.now += 25 * 60 * 60 * 1000
      await sweep(ctx)
      assert.equal(remote.seen.at(-1), 'DELETE 404')
      assert.equal(remote.objects.size, 1)
      assert.notEqual(mediaIdOf(await ask('POST', '/_matrix/media/v3/upload', { token: 'alice', body: 'lost' })), '')
    },
  )
})
