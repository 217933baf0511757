import type { KeyObject } from 'node:crypto'
import type { RoomEvent } from '../event.ts'
import { isObject, type JsonObject, own } from '../json.ts'
import { loadPublicKey, signedText, verifyText } from '../signing.ts'
import { allowed, type AuthResult, denied } from './result.ts'
import { membershipOf, type RoomView } from './room-view.ts'

/** A real invite has one signature and two keys. An event has room for hundreds of each, and every pair costs a verification. */
const maxVerifications = 64

/** The keys in the `m.room.third_party_invite`, in the order in which they stand there. */
function* publicKeysIn(content: JsonObject): Generator<KeyObject> {
  const list = own(content, 'public_keys')
  const written = [
    own(content, 'public_key'),
    ...(Array.isArray(list) ? list.map((entry) => own(entry, 'public_key')) : []),
  ]
  for (const base64 of new Set(written)) {
    const key = typeof base64 === 'string' ? loadPublicKey(base64) : undefined
    if (key) yield key
  }
}

/** The Ed25519 signatures on an object, whoever claims to have made them. */
function* signaturesOn(object: JsonObject): Generator<string> {
  const byEntity = own(object, 'signatures')
  if (!isObject(byEntity)) return
  for (const byKey of Object.values(byEntity)) {
    if (!isObject(byKey)) continue
    for (const [keyId, signature] of Object.entries(byKey)) {
      if (keyId.startsWith('ed25519:') && typeof signature === 'string') yield signature
    }
  }
}

const isSignedByAny = (signed: JsonObject, invite: RoomEvent): boolean => {
  const keys = [...publicKeysIn(invite.content)]
  const text = signedText(signed)
  let left = maxVerifications
  for (const signature of signaturesOn(signed)) {
    for (const key of keys) {
      if (left-- === 0) return false
      if (verifyText(text, signature, key)) return true
    }
  }
  return false
}

/**
 * The rules for an invite that redeems an `m.room.third_party_invite`: the identity server, whose key stands in that event,
 * has signed which user the invited address belongs to.
 */
export const authorizeThirdPartyInvite = (room: RoomView, target: string): AuthResult => {
  if (membershipOf(room, target) === 'ban') return denied('third-party.banned', `${target} is banned from this room.`)
  const signed = own(own(room.event.content, 'third_party_invite'), 'signed')
  const [mxid, token] = [own(signed, 'mxid'), own(signed, 'token')]
  if (!isObject(signed) || mxid === undefined || typeof token !== 'string') {
    return denied('third-party.malformed', 'The invite carries no signed mxid and token.')
  }
  if (mxid !== target) return denied('third-party.other-user', 'The invite was signed for another user.')
  const invite = room.state('m.room.third_party_invite', token)
  if (!invite) return denied('third-party.unknown', 'This room has no such pending invite.')
  if (invite.sender !== room.event.sender)
    return denied('third-party.other-sender', 'The invite was made by another user.')
  if (isSignedByAny(signed, invite)) return allowed
  return denied('third-party.signature', 'The invite is not signed with a key that the pending invite names.')
}
