import { randomBytes } from 'node:crypto'
import sharp from 'sharp'
import type { Account } from '../accounts.ts'
import { closedLoop, row, type Row, type Sample } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import type { Target } from '../target.ts'
import { buildRequest } from '../wire.ts'

const mebibyte = 1024 * 1024
const connections = 4
/** Pictures whose thumbnails are asked for. */
const pictures = 40

const uploadRequest = (target: Target, token: string, type: string, body: Uint8Array): Buffer =>
  buildRequest(target.origin, 'POST', '/_matrix/media/v3/upload', { token, body, type })

async function upload(target: Target, token: string, type: string, body: Uint8Array): Promise<string> {
  const [connection] = target.connect(1)
  const answer = await connection?.exchange(uploadRequest(target, token, type, body))
  connection?.close()
  if (answer?.status !== 200)
    throw new Error(`an upload was refused: ${answer?.status} ${answer?.body.toString().slice(0, 200)}`)
  return (JSON.parse(answer.body.toString()) as { content_uri: string }).content_uri.slice('mxc://'.length)
}

/** Every upload another file: the counter stands in its first bytes. */
async function uploads(target: Target, token: string): Promise<Sample> {
  const requests = Array.from({ length: connections }, () =>
    uploadRequest(target, token, 'application/octet-stream', randomBytes(mebibyte)),
  )
  let count = 0
  return closedLoop(target, {
    connections: target.connect(connections),
    seconds: target.options.duration,
    next: (worker) => {
      const request = requests[worker] ?? Buffer.alloc(0)
      request.writeUInt32LE(count++, request.length - mebibyte)
      return request
    },
  })
}

const reads = (
  target: Target,
  paths: readonly string[],
  token: string,
  seconds: number,
  cold = false,
): Promise<Sample> => {
  let turn = 0
  const requests = paths.map((path) =>
    buildRequest(target.origin, 'GET', `/_matrix/client/v1/media/${path}`, { token }),
  )
  return closedLoop(target, {
    connections: target.connect(connections),
    seconds,
    cold,
    next: () => requests[turn++ % requests.length] ?? Buffer.alloc(0),
  })
}

/** A picture with something to see in it, so that making it smaller is work. */
const picture = async (seed: number): Promise<Buffer> =>
  sharp({
    create: {
      width: 2000,
      height: 1500,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 120 + seed, sigma: 40 },
    },
  })
    .jpeg()
    .toBuffer()

async function thumbnails(target: Target, { token }: Account): Promise<Row[]> {
  const ids: string[] = []
  for (let index = 0; index < pictures; index++)
    ids.push(await upload(target, token, 'image/jpeg', await picture(index)))
  const paths = ids.map((id) => `thumbnail/${id}?width=320&height=240&method=scale`)
  const made: number[] = []
  const queue = paths.values()
  const started = performance.now()
  await Promise.all(
    target.connect(connections).map(async (connection) => {
      for (const path of queue) {
        const before = performance.now()
        const { status } = await connection.exchange(
          buildRequest(target.origin, 'GET', `/_matrix/client/v1/media/${path}`, { token }),
        )
        if (status !== 200) throw new Error(`a thumbnail was refused: ${status}`)
        made.push(performance.now() - before)
      }
    }),
  )
  const first: Sample = { values: made, seconds: (performance.now() - started) / 1000, errors: 0 }
  return [
    row('media', 'thumbnail of 2000 × 1500, asked for the first time', first, { rate: true }),
    row('media', 'thumbnail, asked for again', await reads(target, paths, token, target.options.duration), {
      rate: true,
    }),
  ]
}

export const media: Scenario = {
  name: 'media',
  about: 'files of 1 MiB to and from 4 connections, and thumbnails',
  run: async (target) => {
    const [user] = await target.newUsers(1)
    if (!user) return []
    const { token } = user
    const throughput = (what: string, sample: Sample): Row =>
      row('media', what, sample, { rate: true, note: `${Math.round(sample.values.length / sample.seconds)} MiB/s` })
    const sent = throughput('upload 1 MiB', await uploads(target, token))
    const id = await upload(target, token, 'application/octet-stream', randomBytes(mebibyte))
    const read = throughput('download 1 MiB', await reads(target, [`download/${id}`], token, target.options.duration))
    return [sent, read, ...(await thumbnails(target, user))]
  },
}
