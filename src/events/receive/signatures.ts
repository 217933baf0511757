import { setImmediate } from 'node:timers/promises'
import { requiredSigners } from '../../matrix/auth-rules/index.ts'
import { verifyEvent, type EventSigner } from '../../matrix/event-signing.ts'
import type { RoomEvent } from '../../matrix/event.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { signingKeyIds } from '../../matrix/signing.ts'
import type { Incoming } from './pdu.ts'
import type { SigningKeys, WantedKey } from './ports.ts'

/** Checked without giving the event loop back: about 70 microseconds each. */
const atOnce = 200
/** A server signs with one key; a few more are looked at while it changes them. */
const mostKeys = 4

/**
 * Those of the events that carry the signatures that they need: of the sender's server, and of the others that the room version names.
 * From version 5 on a key must have been good when the event says that it was made. The keys of all are looked for in one go.
 * @see https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export async function signed(
  keys: SigningKeys,
  version: RoomVersion,
  events: readonly Incoming[],
): Promise<Incoming[]> {
  const first = new Map<string, WantedKey>()
  const last = new Map<string, WantedKey>()
  for (const { event } of events) {
    for (const one of keysOf(event, version)) {
      const name = `${one.server} ${one.keyId}`
      if (one.at <= (first.get(name)?.at ?? Infinity)) first.set(name, one)
      if (one.at >= (last.get(name)?.at ?? -Infinity)) last.set(name, one)
    }
  }
  // For the latest of them a key may have to be asked for anew; one that is too old for that is good for the earliest all the same.
  const found = await keys.get([...first.values(), ...last.values()])
  const good: Incoming[] = []
  for (const [index, incoming] of events.entries()) {
    if (index % atOnce === atOnce - 1) await setImmediate()
    if (isSigned(found, incoming.event, version)) good.push(incoming)
  }
  return good
}

const timeOf = (event: RoomEvent, version: RoomVersion): number => (version.enforceKeyValidity ? event.ts : 0)

const keysOf = (event: RoomEvent, version: RoomVersion): WantedKey[] =>
  requiredSigners(event, version).flatMap((server) =>
    signingKeyIds(event.pdu, server)
      .slice(0, mostKeys)
      .map((keyId) => ({ server, keyId, at: timeOf(event, version) })),
  )

/** One right signature of each server that must have signed is enough. */
function isSigned(found: Awaited<ReturnType<SigningKeys['get']>>, event: RoomEvent, version: RoomVersion): boolean {
  const at = timeOf(event, version)
  return requiredSigners(event, version).every((serverName) =>
    signingKeyIds(event.pdu, serverName)
      .slice(0, mostKeys)
      .some((keyId) => {
        const key = found.of(serverName, keyId)
        if (!key || key.validUntil < at) return false
        const signer: EventSigner = { serverName, keyId, publicKey: key.publicKey }
        return verifyEvent(event.pdu, version, [signer])
      }),
  )
}
