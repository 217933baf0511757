import type { Readable } from 'node:stream'

/** A 200 reply whose JSON text exists already: sent as it is. */
export class RawJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A reply that is not 200 JSON: a redirect, a page, a file. Headers given here win over the usual ones. */
export class Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | Readable | undefined

  constructor(reply: { status?: number; headers?: Record<string, string>; body?: string | Uint8Array | Readable }) {
    this.status = reply.status ?? 200
    this.headers = reply.headers ?? {}
    this.body = reply.body
  }
}
