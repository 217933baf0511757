// Sends requests over bare sockets, as good and as bad clients do.
import { connect, type Socket } from 'node:net'
import type { Random } from './random.ts'
import type { FuzzRequest, Manner } from './requests.ts'

/** What came back. `status` is 0 where nothing did: the client had hung up, or was cut off. */
export interface Outcome {
  readonly status: number
  readonly body: string
  /** How long it took, in ms. */
  readonly ms: number
  /** Nothing had come when patience was at its end. */
  readonly waited: boolean
}

/** How long an answer is waited for: files that are to come are waited for longest, twenty seconds. */
const patience = 40_000
/** How long who sends or reads nothing goes on with that. */
const sulkMs = 100
/** What is read of an answer at most; the rest is read and thrown away. */
const mostKept = 2_000_000

function headOf({ operation, target, type, body }: FuzzRequest, headers: readonly string[], length: string[]): string {
  return [
    `${operation.method} ${target} HTTP/1.1`,
    'Host: test',
    ...headers,
    ...(body === undefined ? [] : [`Content-Type: ${type}`, ...length]),
    '',
    '',
  ].join('\r\n')
}

function chunked(random: Random, body: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length;) {
    const size = 1 + random.int(Math.min(body.length - at, 3000))
    parts.push(Buffer.from(`${size.toString(16)}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'))
    at += size
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** The bytes that go out, and whether the connection is left right after them. */
function bytesOf(random: Random, request: FuzzRequest, headers: readonly string[]): Buffer {
  const { manner, body } = request
  const raw = body ?? Buffer.alloc(0)
  const form = (length: string[], content: Buffer): Buffer =>
    Buffer.concat([Buffer.from(headOf(request, headers, length)), content])
  const whole = form([`Content-Length: ${raw.length}`], raw)
  switch (manner) {
    case 'chunked':
      return body ? form(['Transfer-Encoding: chunked'], chunked(random, raw)) : whole
    case 'half head':
      return whole.subarray(0, random.int(Math.max(1, whole.length - raw.length)))
    case 'half body':
    case 'silent':
      return whole.subarray(0, whole.length - Math.ceil(raw.length * 0.5))
    case 'wrong length':
      return form([`Content-Length: ${Math.floor(raw.length / 2)}`], raw)
    case 'pipelined':
      return Buffer.concat([whole, whole])
    default:
      return whole
  }
}

/** Status and body of an answer that has come whole; undefined while it has not. */
function parseAnswer(data: Buffer): { status: number; body: string } | undefined {
  const end = data.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = data.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const body = data.subarray(end + 4)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    return body.length >= Number(length) ? { status, body: body.toString('utf8', 0, Number(length)) } : undefined
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return { status, body: '' }
  return body.subarray(-7).toString('latin1').endsWith('0\r\n\r\n') ? { status, body: '' } : undefined
}

const isOver: ReadonlySet<Manner> = new Set(['half head', 'half body', 'hang up'])

/** Sends a request on a connection of its own and waits for what comes of it. */
export function exchange(
  port: number,
  random: Random,
  request: FuzzRequest,
  headers: readonly string[],
): Promise<Outcome> {
  const bytes = bytesOf(random, request, headers)
  const { manner } = request
  const start = performance.now()
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let data: Buffer = Buffer.alloc(0)
    const finish = (answer: { status: number; body: string } | undefined, waited = false): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ status: answer?.status ?? 0, body: answer?.body ?? '', ms: performance.now() - start, waited })
    }
    const isSulking = manner === 'unread' || manner === 'silent'
    const timer = setTimeout(() => finish(undefined, !isSulking), isSulking ? sulkMs : patience)
    socket.on('error', () => finish(undefined)).on('close', () => finish(parseAnswer(data)))
    socket.once('connect', () => {
      if (manner === 'unread') socket.pause()
      socket.write(bytes, () => {
        if (isOver.has(manner)) setImmediate(() => finish(undefined))
      })
    })
    if (manner === 'unread') return
    socket.on('data', (chunk: Buffer) => {
      if (manner === 'first bytes') {
        finish({ status: Number(chunk.toString('latin1', 9, 12)), body: '' })
        return
      }
      if (data.length < mostKept) data = Buffer.concat([data, chunk])
      else data = Buffer.concat([data.subarray(0, mostKept), chunk.subarray(-7)])
      const answer = parseAnswer(data)
      if (answer && answer.status >= 200) finish(answer)
    })
  })
}
