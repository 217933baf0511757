// HTTP/1.1 over bare sockets. The generator shares its cores with the server, so a request costs it one write of a buffer
// made beforehand, and an answer one look at its head.
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where requests go. `prefix` is the path of the base URL, without a trailing slash. */
export interface Origin {
  host: string
  port: number
  tls: boolean
  prefix: string
}

/** An answer; `body` is not parsed. */
export interface Answer {
  status: number
  body: Buffer
}

/** Longest wait for an answer, above the longest sleeping sync. */
const patience = 900_000

export function parseOrigin(url: string): Origin {
  const { protocol, hostname, port, pathname } = new URL(url)
  const tls = protocol === 'https:'
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (tls ? 443 : 80)),
    tls,
    prefix: pathname.replace(/\/$/, ''),
  }
}

/** The bytes of one request, to be written as often as wanted. `body` is JSON text, unless `type` says otherwise. */
export function buildRequest(
  origin: Origin,
  method: string,
  path: string,
  options: { token?: string | undefined; body?: string | Uint8Array | undefined; type?: string } = {},
): Buffer {
  const { token, body, type = 'application/json' } = options
  const head = [
    `${method} ${origin.prefix}${path} HTTP/1.1`,
    `Host: ${origin.host}:${origin.port}`,
    'Accept: application/json',
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(body === undefined ? [] : [`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`]),
    '',
    '',
  ]
  return Buffer.concat([Buffer.from(head.join('\r\n')), Buffer.from(body ?? '')])
}

function unchunk(data: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = data.indexOf('\r\n', at)
    const size = parseInt(data.toString('latin1', at, lineEnd), 16)
    if (!size) return Buffer.concat(parts)
    parts.push(data.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}

/** One kept-alive connection with at most one request under way; connects again when the server has closed it in between. */
export class Connection {
  readonly #origin: Origin
  #socket: Socket | undefined
  #settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined
  #parts: Buffer[] = []
  #received = 0
  #status = 0
  /** Bytes of the body; -1 while the head is not complete, Infinity when the body is chunked. */
  #length = -1
  /** The answer under way says that it is the last one on this connection. */
  #isLast = false

  constructor(origin: Origin) {
    this.#origin = origin
  }

  /** Writes a request and resolves with its answer, whatever its status. Rejects when the connection breaks. */
  exchange(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#socket ??= this.#connect()
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#settle = undefined
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #connect(): Socket {
    const { host, port, tls } = this.#origin
    const socket = tls ? connectTls({ host, port, servername: host }) : connectTcp({ host, port })
    socket.setNoDelay(true).setTimeout(patience, () => socket.destroy(new Error('no answer in time')))
    let fault = new Error('the server closed the connection')
    socket
      .on('data', (chunk: Buffer) => this.#take(chunk))
      .on('error', (error) => {
        fault = error
      })
      .on('close', () => {
        if (this.#socket !== socket) return
        this.#socket = undefined
        const settle = this.#settle
        this.#reset()
        settle?.reject(fault)
      })
    return socket
  }

  #reset(): void {
    this.#settle = undefined
    this.#parts = []
    this.#received = 0
    this.#length = -1
    this.#isLast = false
  }

  #take(chunk: Buffer): void {
    let body = chunk
    if (this.#length < 0) {
      const data = this.#parts.length ? Buffer.concat([...this.#parts, chunk]) : chunk
      const headEnd = data.indexOf('\r\n\r\n')
      if (headEnd < 0) {
        this.#parts = [data]
        return
      }
      const head = data.toString('latin1', 0, headEnd)
      this.#status = Number(head.slice(9, 12))
      this.#isLast = /\r\nconnection: *close/i.test(head)
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
      this.#length =
        length === undefined ? (/\r\ntransfer-encoding: *chunked/i.test(head) ? Infinity : 0) : Number(length)
      this.#parts = []
      body = data.subarray(headEnd + 4)
    }
    if (body.length) this.#parts.push(body)
    this.#received += body.length
    const chunked = this.#length === Infinity
    if (chunked ? !this.#endsChunked() : this.#received < this.#length) return
    const whole = this.#parts.length === 1 ? (this.#parts[0] ?? body) : Buffer.concat(this.#parts)
    const settle = this.#settle
    const answer = { status: this.#status, body: chunked ? unchunk(whole) : whole }
    const socket = this.#isLast ? this.#socket : undefined
    this.#reset()
    if (socket) {
      this.#socket = undefined
      socket.destroy()
    }
    settle?.resolve(answer)
  }

  #endsChunked(): boolean {
    const last = this.#parts.at(-1)
    if (!last) return false
    const tail = last.length >= 5 || this.#parts.length === 1 ? last : Buffer.concat(this.#parts.slice(-6))
    return tail.subarray(-5).toString('latin1') === '0\r\n\r\n'
  }
}
