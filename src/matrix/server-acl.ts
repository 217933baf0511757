import type { RoomEvent } from './event.ts'
import { compileGlob, type TextMatch } from './glob.ts'
import { isObject, own, type Json } from './json.ts'

/** Whether a server may take part in a room. */
export type ServerAcl = (serverName: string) => boolean

/** An event of 64 KiB holds no more of any use: what comes after is not looked at. */
const mostEntries = 10_000
/** Servers whose verdict is kept beside a list. */
const mostJudged = 200

const globs = (list: Json | undefined): TextMatch[] =>
  Array.isArray(list)
    ? list.slice(0, mostEntries).flatMap((entry) => (typeof entry === 'string' ? compileGlob(entry.toLowerCase()) : []))
    : []

const isAddress = (host: string): boolean => host.startsWith('[') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host)

/** Compiled once for each event, since every event of the room asks. */
const compiled = new WeakMap<RoomEvent['content'], ServerAcl>()

/**
 * Who may take part by an `m.room.server_acl` event; everybody where there is none. Names are compared without their port and without
 * regard to case.
 * @see https://spec.matrix.org/v1.19/client-server-api/#server-access-control-lists-acls-for-rooms
 */
export function serverAcl(event: Pick<RoomEvent, 'content'> | undefined): ServerAcl {
  if (!event || !isObject(event.content)) return () => true
  const known = compiled.get(event.content)
  if (known) return known
  const { content } = event
  const [allow, deny] = [globs(own(content, 'allow')), globs(own(content, 'deny'))]
  const literals = own(content, 'allow_ip_literals') !== false
  const judge: ServerAcl = (host) => {
    if (!literals && isAddress(host)) return false
    return !deny.some((match) => match(host)) && allow.some((match) => match(host))
  }
  // A transaction asks thousands of times for one server.
  const judged = new Map<string, boolean>()
  const acl: ServerAcl = (serverName) => {
    const host = serverName.toLowerCase().replace(/:\d{1,5}$/, '')
    const before = judged.get(host)
    if (before !== undefined) return before
    if (judged.size >= mostJudged) judged.clear()
    const verdict = judge(host)
    judged.set(host, verdict)
    return verdict
  }
  compiled.set(content, acl)
  return acl
}
