import type { KeyObject } from 'node:crypto'
import type { Pdu } from './pdu.ts'
import { redact } from './redaction.ts'
import type { RoomVersion } from './room-version.ts'
import { addSignature, signatureOf, signedText, signText, verifyText, type SigningKey } from './signing.ts'

/**
 * A copy of the event with this server's signature beside those it has, such as an invite that the invited server confirms.
 * The event must carry its content hash already. Events made here come signed from `buildEvent`.
 * @see https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events
 */
export const signEvent = (pdu: Pdu, version: RoomVersion, serverName: string, key: SigningKey): Pdu =>
  addSignature(pdu, serverName, key.id, signText(signedText(redact(pdu, version)), key))

/** A signature to check, and the key to check it with. */
export interface EventSigner {
  readonly serverName: string
  readonly keyId: string
  /** Base64, or what `loadPublicKey` makes of it. */
  readonly publicKey: string | KeyObject
}

/**
 * Whether the event carries a right signature of every one of these signers. Redacts and serialises the event only once.
 * Whose signatures an event needs is not decided here.
 * @see https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export function verifyEvent(pdu: Pdu, version: RoomVersion, signers: readonly EventSigner[]): boolean {
  const text = signedText(redact(pdu, version))
  return signers.every(({ serverName, keyId, publicKey }) =>
    verifyText(text, signatureOf(pdu, serverName, keyId), publicKey),
  )
}
