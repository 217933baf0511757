// Fills a Synapse through its own API, with a bit of everything that people have there.
import { createHmac } from 'node:crypto'
import { deflateSync, crc32 } from 'node:zlib'
import type { Synapse } from './source.ts'

export type Json = Record<string, unknown>

/** Somebody of the Synapse, with a token. */
export interface Person {
  readonly name: string
  readonly userId: string
  readonly password: string
  readonly deviceId: string
  token: string
  refreshToken?: string | undefined
}

export interface Filled {
  readonly serverName: string
  readonly admin: Person
  readonly people: Person[]
  /** Room ids by what they are for. */
  readonly rooms: Record<string, string>
  readonly facts: Record<string, string>
}

/** One request; whatever is not a success throws. */
export async function ask<T = Json>(
  url: string,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  type = 'application/json',
): Promise<T> {
  const full = path.startsWith('/_') ? path : `/_matrix/client/v3${path}`
  const response = await fetch(url + full, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body: body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path} → ${response.status} ${text}`)
  return (text === '' ? {} : JSON.parse(text)) as T
}

/** A small picture in one colour. */
export function png(width: number, height: number, shade: number): Uint8Array {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, sum])
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const rows = Buffer.alloc((width + 1) * height, shade)
  for (let y = 0; y < height; y++) rows[y * (width + 1)] = 0
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Makes an account by the shared secret, and signs in. */
export async function register(synapse: Synapse, name: string, admin = false): Promise<Person> {
  const { nonce } = await ask<{ nonce: string }>(synapse.url, undefined, 'GET', '/_synapse/admin/v1/register')
  const password = `password of ${name}`
  const parts = [nonce, name, password, admin ? 'admin' : 'notadmin'].join('\0')
  const mac = createHmac('sha1', synapse.sharedSecret).update(parts).digest('hex')
  const made = await ask<{ access_token: string; user_id: string; device_id: string }>(
    synapse.url,
    undefined,
    'POST',
    '/_synapse/admin/v1/register',
    { nonce, username: name, password, admin, mac, displayname: `${name[0]?.toUpperCase()}${name.slice(1)} Doe` },
  )
  return { name, userId: made.user_id, password, deviceId: made.device_id, token: made.access_token }
}

export interface FillSize {
  readonly users: number
  readonly rooms: number
  /** Messages over all rooms, beside those that the special rooms have. */
  readonly messages: number
}

const enc = encodeURIComponent
const versions = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12']

export async function fill(synapse: Synapse, serverName: string, size: FillSize): Promise<Filled> {
  const { url } = synapse
  const admin = await register(synapse, 'root', true)
  const people: Person[] = []
  for (let i = 0; i < size.users; i++) people.push(await register(synapse, `user${i}`))
  const at = (index: number): Person => people[index % people.length] as Person
  const as =
    (person: Person) =>
    <T = Json>(method: string, path: string, body?: unknown, type?: string): Promise<T> =>
      ask<T>(url, person.token, method, path, body, type)
  let transactions = 0
  const send = async (person: Person, room: string, content: Json, kind = 'm.room.message'): Promise<string> =>
    (await as(person)<{ event_id: string }>('PUT', `/rooms/${enc(room)}/send/${kind}/t${++transactions}`, content))
      .event_id
  const rooms: Record<string, string> = {}
  const facts: Record<string, string> = {}

  // Rooms of every version, with people in them.
  for (let i = 0; i < size.rooms; i++) {
    const version = versions[i % versions.length] ?? '10'
    const owner = at(i)
    const { room_id: room } = await as(owner)<{ room_id: string }>('POST', '/createRoom', {
      room_version: version,
      preset: i % 3 === 0 ? 'private_chat' : 'public_chat',
      name: `Room ${i} of version ${version}`,
      topic: `About ${i}`,
      ...(i % 2 === 1 && { room_alias_name: `room${i}` }),
      ...(i % 3 !== 0 && i % 2 === 1 && { visibility: 'public' }),
    })
    rooms[`room${i}`] = room
    for (let j = 1; j <= 4; j++) {
      const guest = at(i + j)
      if (guest === owner) continue
      if (i % 3 === 0) await as(owner)('POST', `/rooms/${enc(room)}/invite`, { user_id: guest.userId })
      if (i % 3 !== 0 || j < 4) await as(guest)('POST', `/rooms/${enc(room)}/join`, {})
    }
  }
  for (let i = 0; i < size.messages; i++) {
    const index = i % size.rooms
    await send(at(index + (Math.floor(i / size.rooms) % 4)), rooms[`room${index}`] ?? '', {
      msgtype: 'm.text',
      body: `message ${i} ☃`,
    })
  }
  return { serverName, admin, people, rooms, facts }
}
