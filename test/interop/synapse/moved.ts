// Moves from a Synapse by the command line, as an operator does, and looks at both sides through the client API.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createHomeserver, type Homeserver } from '../../../src/server/index.ts'
import { jwtConfig } from '../../harness/jwt.ts'
import { ask, type Filled, type Json, type Person } from './fill.ts'

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'cli', 'main.ts')

export interface MoveOptions {
  readonly synapseConfig: string
  /** Where Latchkey's configuration and data are. */
  readonly folder: string
  readonly database: string
  readonly args?: readonly string[]
}

const fileOf = ({ folder }: MoveOptions): string => join(folder, 'latchkey.yaml')

const configOf = ({ folder, database }: MoveOptions, serverName: string) => ({
  server_name: serverName,
  data_dir: join(folder, 'data'),
  database,
  imported_password_pepper: 'a pepper',
  jwt_config: jwtConfig,
})

/** Runs `latchkey import synapse`, and gives what it says. */
export async function move(
  options: MoveOptions,
  serverName: string,
  onStart?: (child: ReturnType<typeof spawn>) => void,
): Promise<{ code: number | null; out: string }> {
  const file = fileOf(options)
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(configOf(options, serverName)))
  const words = ['import', 'synapse', '--config', options.synapseConfig, '--to', file, ...(options.args ?? [])]
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  onStart?.(child)
  const [out, error, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number | null, out: `${out}${error}` }
}

/** A Latchkey on what was taken over. */
export const startMoved = (options: MoveOptions, serverName: string, more: Json = {}): Promise<Homeserver> =>
  createHomeserver({
    ...configOf(options, serverName),
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    log: { level: 'silent' },
    ...more,
  })

interface Event extends Json {
  readonly event_id: string
  readonly type: string
  readonly sender: string
  readonly content: Json
  readonly origin_server_ts: number
  readonly state_key?: string
}

const enc = encodeURIComponent

/** What of an event has to be the same: all but what either server says beside it. */
const essence = ({ event_id: id, type, sender, content, origin_server_ts: ts, state_key: key }: Event): string =>
  JSON.stringify([id, type, sender, key, ts, sorted(content)])

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, sorted(inner)]),
        )
      : value

/** All that somebody sees of a room: its state, and its history page by page. Undefined for what they may not see. */
async function roomAsSeen(url: string, person: Person, room: string): Promise<Json> {
  const state = await ask<Event[]>(url, person.token, 'GET', `/rooms/${enc(room)}/state`).catch(() => undefined)
  const events: string[] = []
  for (let from = ''; ;) {
    const page = await ask<{ chunk: Event[]; end?: string }>(
      url,
      person.token,
      'GET',
      `/rooms/${enc(room)}/messages?dir=b&limit=100${from}`,
    ).catch(() => undefined)
    events.push(...(page?.chunk.map(essence) ?? []))
    if (page?.end === undefined) break
    from = `&from=${enc(page.end)}`
  }
  return { state: state?.map(essence).sort(), events }
}

/** What several people see of the rooms, to be compared with what they see elsewhere. */
export async function seen(url: string, filled: Filled, people: readonly Person[]): Promise<Record<string, Json>> {
  const all: Record<string, Json> = {}
  for (const person of people)
    for (const [name, room] of Object.entries(filled.rooms))
      all[`${person.name} in ${name}`] = await roomAsSeen(url, person, room)
  return all
}
