import type { StoredEvent } from '../../events/index.ts'
import { redact } from '../../matrix/redaction.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'

/** Events that are written in one turn of the event loop: others get theirs between. */
const atOnce = 200

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** An event as servers exchange it, as JSON text. */
export function pduText({ event: { pdu } }: StoredEvent, version: RoomVersion, redacted = false): string {
  const { unsigned: _, ...rest } = redacted ? redact(pdu, version) : pdu
  return JSON.stringify(rest)
}

/** A JSON list of events, as text. */
export async function pduListText(list: readonly StoredEvent[], version: RoomVersion): Promise<string> {
  const texts: string[] = []
  for (const [index, stored] of list.entries()) {
    if (index > 0 && index % atOnce === 0) await turn()
    texts.push(pduText(stored, version))
  }
  return `[${texts.join(',')}]`
}
