import type { Readable } from 'node:stream'

/** A 200 reply whose JSON text exists already: sent as it is. */
export class RawJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/**
 * A body that is streamed: opened when its first byte is about to be sent, and closed by whoever sends it. So a reply that is dropped,
 * because its client has gone or its session has ended, leaves nothing open behind it.
 */
export type OpenBody = () => Readable | Promise<Readable>

/** A reply that is not 200 JSON: a redirect, a page, a file. Headers given here win over the usual ones. */
export class Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | OpenBody | undefined

  constructor(reply: { status?: number; headers?: Record<string, string>; body?: string | Uint8Array | OpenBody }) {
    this.status = reply.status ?? 200
    this.headers = reply.headers ?? {}
    this.body = reply.body
  }
}
