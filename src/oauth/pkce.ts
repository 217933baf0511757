import { hash } from 'node:crypto'

const challenge = /^[A-Za-z0-9_-]{43}$/
const verifier = /^[A-Za-z0-9._~-]{43,128}$/

/** Whether it can be the S256 challenge of anything. @see https://datatracker.ietf.org/doc/html/rfc7636#section-4.2 */
export const isChallenge = (text: string): boolean => challenge.test(text)

/** Whether whoever has the verifier made the challenge. @see https://datatracker.ietf.org/doc/html/rfc7636#section-4.6 */
export const provesChallenge = (text: string, made: string): boolean =>
  verifier.test(text) && hash('sha256', text, 'base64url') === made
