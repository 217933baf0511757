import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { OutgoingError, type Outgoing, type OutgoingStream } from '../http/index.ts'
import { checkName, type ObjectStore } from './object-store.ts'
import { noPayload, signS3, type S3Key, type S3Request } from './s3-signature.ts'
import type { Spool } from './spool.ts'

export interface S3StoreOptions {
  readonly endpoint: string
  readonly bucket: string
  readonly prefix: string
  readonly pathStyle: boolean
  readonly key: S3Key
  readonly outgoing: Outgoing
  /** Where a file lies while it is needed on this machine. */
  readonly spool: Spool
  readonly now: () => number
}

const tries = 4
const firstPauseMs = 100

/** What the store may answer otherwise in a moment. */
const mayPass = (status: number): boolean => status >= 500 || status === 429 || status === 408

async function refusal(reply: OutgoingStream, what: string): Promise<Error> {
  let text = ''
  for await (const chunk of reply.body) {
    text += String(chunk)
    if (text.length > 10_000) break
  }
  return new Error(`The store answered ${reply.status} ${/<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? ''} to ${what}`)
}

/** Lets a body pass that says nothing, so that the connection is free again. */
const ignore = (reply: OutgoingStream): void => void reply.body.on('error', () => {}).resume()

/** Keeps files in a bucket of any store that speaks the S3 protocol. Nothing is held in memory. */
export function s3Store(options: S3StoreOptions): ObjectStore {
  const { bucket, outgoing, spool, key, now } = options
  const base = new URL(options.endpoint)
  if (!options.pathStyle) base.host = `${bucket}.${base.host}`
  const folder = `${base.href.replace(/\/$/, '')}/${options.pathStyle ? `${bucket}/` : ''}${options.prefix}`
  const urlOf = (name: string): URL => new URL(folder + checkName(name))

  /** Asks until the store says something that counts. `body` is opened anew for each try. */
  const ask = async (
    request: S3Request,
    accepted: readonly number[],
    body?: () => Readable,
  ): Promise<OutgoingStream> => {
    for (let count = 1; ; count++) {
      try {
        const stream = body?.()
        const reply = await outgoing.stream(request.url, {
          method: request.method,
          configured: true,
          headers: signS3(request, key, now()),
          ...(stream && { body: stream }),
        })
        if (accepted.includes(reply.status)) return reply
        const error = await refusal(reply, `${request.method} ${request.url.pathname}`)
        if (count === tries || !mayPass(reply.status)) throw error
      } catch (error) {
        if (count === tries || !(error instanceof OutgoingError)) throw error
      }
      await wait(firstPauseMs * 3 ** (count - 1))
    }
  }

  const open: ObjectStore['open'] = async (name, range) => {
    const headers: Record<string, string> = range ? { range: `bytes=${range.start}-${range.end}` } : {}
    const reply = await ask({ method: 'GET', url: urlOf(name), headers, payload: noPayload }, [range ? 206 : 200, 404])
    if (reply.status !== 404) return reply.body
    ignore(reply)
    return undefined
  }

  return {
    open,
    put: async (name, file, type) => {
      const headers = { 'content-length': String(file.size), 'content-type': type }
      const reply = await ask({ method: 'PUT', url: urlOf(name), headers, payload: file.sha256 }, [200], () =>
        createReadStream(file.path),
      )
      ignore(reply)
    },
    withPath: async (name, use) => {
      const body = await open(name)
      if (!body) return undefined
      try {
        await using file = await spool.write(body)
        return await use(file.path)
      } finally {
        body.destroy()
      }
    },
    delete: async (name) => {
      const reply = await ask({ method: 'DELETE', url: urlOf(name), headers: {}, payload: noPayload }, [204, 200, 404])
      ignore(reply)
    },
  }
}
