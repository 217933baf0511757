import { createHash, createHmac } from 'node:crypto'

/** The key that requests to an S3 store are signed with. */
export interface S3Key {
  readonly id: string
  readonly secret: string
  readonly region: string
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  /** Without a query, its path free of what would have to be encoded. */
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body, hex. */
  readonly payload: string
}

/** SHA-256 of nothing, for requests without a body. */
export const noPayload = createHash('sha256').digest('hex')

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/**
 * All headers that the request is to be sent with: its own, date and checksum, and the signature over them (AWS Signature Version 4).
 * @param now milliseconds since 1970
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signS3(request: S3Request, key: S3Key, now: number): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[:-]|\.\d+/g, '')
  const date = time.slice(0, 8)
  const headers: Record<string, string> = {
    ...request.headers,
    host: request.url.host,
    'x-amz-content-sha256': request.payload,
    'x-amz-date': time,
  }
  const names = Object.keys(headers).sort()
  const signed = names.join(';')
  const canonical = [
    request.method,
    request.url.pathname,
    '',
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    signed,
    request.payload,
  ].join('\n')
  const scope = `${date}/${key.region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const signingKey = hmac(hmac(hmac(hmac(`AWS4${key.secret}`, date), key.region), 's3'), 'aws4_request')
  const signature = hmac(signingKey, text).toString('hex')
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${key.id}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  }
}
