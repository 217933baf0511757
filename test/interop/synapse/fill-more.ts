// What people and operators have on a Synapse beside rooms and messages: one of each.
import { ask, png, register, type Filled, type Json, type Person } from './fill.ts'
import type { Synapse } from './source.ts'

const enc = encodeURIComponent

/** What is to be found again. */
export interface More {
  readonly gone: Person
  readonly erased: Person
  readonly locked: Person
  readonly redacted: string
  readonly media: string
  readonly quarantined: string
  readonly filter: string
  readonly refreshed: { token: string; refreshToken: string }
  readonly since: string
  /** What was sent after `since`. */
  readonly after: string
  readonly invited: string
  readonly knocked: string
}

export async function fillMore(synapse: Synapse, { admin, people, rooms }: Filled): Promise<More> {
  const { url } = synapse
  const as =
    (person: Person) =>
    <T = Json>(method: string, path: string, body?: unknown, type?: string): Promise<T> =>
      ask<T>(url, person.token, method, path, body, type)
  const root = as(admin)
  const [owner, friend] = [people[0], people[1]]
  if (!owner || !friend) throw new Error('there is nobody')
  const me = as(owner)
  const mine = `/user/${enc(owner.userId)}`
  const room = rooms['room0'] ?? ''
  const inRoom = `/rooms/${enc(room)}`

  // Standing of accounts.
  const [gone, erased, locked, shadow] = [
    await register(synapse, 'gone'),
    await register(synapse, 'erased'),
    await register(synapse, 'locked'),
    await register(synapse, 'shadow'),
  ]
  for (const person of [gone, erased]) {
    await as(person)('POST', `/rooms/${enc(rooms['room1'] ?? '')}/join`, {})
    await as(person)('PUT', `/rooms/${enc(rooms['room1'] ?? '')}/send/m.room.message/${person.name}`, {
      msgtype: 'm.text',
      body: `by ${person.name}`,
    })
    await root('POST', `/_synapse/admin/v1/deactivate/${enc(person.userId)}`, { erase: person === erased })
  }
  await root('PUT', `/_synapse/admin/v2/users/${enc(locked.userId)}`, { locked: true })
  await root('POST', `/_synapse/admin/v1/users/${enc(shadow.userId)}/shadow_ban`, {})
  await root('PUT', `/_synapse/admin/v2/users/${enc(owner.userId)}`, {
    threepids: [{ medium: 'email', address: 'Owner@example.org' }],
    external_ids: [{ auth_provider: 'oidc-keycloak', external_id: 'subject of the owner' }],
  })

  // A profile, account data, tags, filters, rules, pushers, receipts.
  await me('PUT', `/profile/${enc(owner.userId)}/displayname`, { displayname: 'Ödön, the Owner' })
  await me('PUT', `${mine}/account_data/org.example.mine`, { deep: { value: 1 } })
  await me('PUT', `${mine}/rooms/${enc(room)}/account_data/org.example.room`, { colour: 'red' })
  await me('PUT', `${mine}/rooms/${enc(room)}/tags/m.favourite`, { order: 0.25 })
  await me('PUT', `${mine}/rooms/${enc(room)}/tags/u.work`, {})
  const { filter_id: filter } = await me<{ filter_id: string }>('POST', `${mine}/filter`, {
    room: { timeline: { limit: 3 } },
  })
  await me('PUT', '/pushrules/global/content/cheese', { actions: ['notify'], pattern: 'cheese' })
  await me('PUT', `/pushrules/global/room/${enc(room)}`, { actions: [] })
  await me('PUT', '/pushrules/global/override/mine', {
    actions: ['notify', { set_tweak: 'highlight' }],
    conditions: [{ kind: 'event_match', key: 'type', pattern: 'org.example.*' }],
  })
  await me('PUT', '/pushrules/global/override/.m.rule.suppress_notices/enabled', { enabled: false })
  await me('PUT', '/pushrules/global/underride/.m.rule.message/actions', { actions: [] })
  await me('POST', '/pushers/set', {
    kind: 'http',
    app_id: 'org.example.app',
    pushkey: 'key',
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'de',
    data: { url: 'https://push.example.org/_matrix/push/v1/notify', format: 'event_id_only' },
  })
  const say = async (body: string, content: Json = {}): Promise<string> =>
    (
      await as(friend)<{ event_id: string }>('PUT', `${inRoom}/send/m.room.message/${enc(body)}`, {
        msgtype: 'm.text',
        body,
        ...content,
      })
    ).event_id
  const read = await say('read')
  const thread = await say('in a thread', { 'm.relates_to': { rel_type: 'm.thread', event_id: read } })
  const redacted = await say('to be taken back')
  await me('PUT', `${inRoom}/send/m.reaction/like`, {
    'm.relates_to': { rel_type: 'm.annotation', event_id: read, key: '👍' },
  })
  await say('* edited', {
    'm.new_content': { msgtype: 'm.text', body: 'edited' },
    'm.relates_to': { rel_type: 'm.replace', event_id: read },
  })
  await as(friend)('PUT', `${inRoom}/redact/${enc(redacted)}/gone`, { reason: 'a slip' })
  await me('POST', `${inRoom}/receipt/m.read/${enc(read)}`, {})
  await me('POST', `${inRoom}/receipt/m.read.private/${enc(thread)}`, { thread_id: read })
  await me('POST', `${inRoom}/read_markers`, { 'm.fully_read': read })
  await as(friend)('POST', `${inRoom}/report/${enc(read)}`, { reason: 'spam', score: -50 })

  // Files.
  const upload = async (bytes: Uint8Array): Promise<string> =>
    (
      await me<{ content_uri: string }>('POST', '/_matrix/media/v3/upload?filename=picture.png', bytes, 'image/png')
    ).content_uri
      .split('/')
      .at(-1) ?? ''
  const [media, quarantined] = [await upload(png(400, 300, 99)), await upload(png(10, 10, 7))]
  const server = owner.userId.slice(owner.userId.indexOf(':') + 1)
  await root('POST', `/_synapse/admin/v1/media/quarantine/${server}/${quarantined}`, {})

  // An invitation that waits, somebody who knocks, somebody who was banned, and a room that somebody has left and forgotten.
  const make = async (body: Json): Promise<string> =>
    (await me<{ room_id: string }>('POST', '/createRoom', { room_version: '10', ...body })).room_id
  const invited = await make({ name: 'Come in', invite: [friend.userId] })
  const knocked = await make({
    name: 'Knock',
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
  })
  await as(friend)('POST', `/knock/${enc(knocked)}`, {})
  await me('POST', `/rooms/${enc(rooms['room1'] ?? '')}/ban`, { user_id: shadow.userId }).catch(() => {})
  const left = await make({ name: 'Left', preset: 'public_chat' })
  await me('POST', `/rooms/${enc(left)}/leave`, {})
  await me('POST', `/rooms/${enc(left)}/forget`, {})
  Object.assign(rooms, { invited, knocked, left })

  // A session that is refreshed.
  const session = await ask<{ access_token: string; refresh_token: string }>(url, undefined, 'POST', '/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: owner.name },
    password: owner.password,
    refresh_token: true,
    device_id: 'REFRESHING',
  })
  const { next_batch: since } = await me<{ next_batch: string }>('GET', '/sync?timeout=0')
  const after = await say('after the last sync')
  return {
    gone,
    erased,
    locked,
    redacted,
    media,
    quarantined,
    filter,
    refreshed: { token: session.access_token, refreshToken: session.refresh_token },
    since,
    after,
    invited,
    knocked,
  }
}

/** What somebody's clients are told of them, to be compared with what they are told elsewhere. */
export async function personAsSeen(url: string, { admin, people, rooms }: Filled, { media }: More): Promise<Json> {
  const owner = people[0]
  if (!owner) throw new Error('there is nobody')
  const get = <T = Json>(path: string, person: Person = owner): Promise<T> => ask<T>(url, person.token, 'GET', path)
  const mine = `/user/${enc(owner.userId)}`
  const room = rooms['room0'] ?? ''
  const server = owner.userId.slice(owner.userId.indexOf(':') + 1)
  const of = async (...names: string[]): Promise<unknown[]> => {
    const found: unknown[] = []
    for (const name of names) {
      const user = await get(`/_synapse/admin/v2/users/@${name}:${server}`, admin)
      found.push(
        [
          'name',
          'displayname',
          'admin',
          'deactivated',
          'erased',
          'locked',
          'shadow_banned',
          'threepids',
          'external_ids',
        ].map((key) =>
          key === 'threepids' || key === 'external_ids'
            ? (user[key] as Json[]).map(({ medium, address, external_id: id }) => [medium, address, id])
            : [key, user[key] === true || user[key] === 1 ? true : user[key] === 0 ? false : user[key]],
        ),
      )
    }
    return found
  }
  const rules = (await get<{ global: Record<string, Json[]> }>('/pushrules/')).global
  const thumbnail = await fetch(
    `${url}/_matrix/client/v1/media/thumbnail/${server}/${media}?width=96&height=96&method=crop`,
    { headers: { authorization: `Bearer ${owner.token}` } },
  )
  await thumbnail.body?.cancel()
  const all = {
    whoami: await get('/account/whoami'),
    accounts: await of('root', 'user0', 'gone', 'erased', 'locked', 'shadow'),
    profile: await get(`/profile/${enc(owner.userId)}`),
    data: await get(`${mine}/account_data/org.example.mine`),
    roomData: await get(`${mine}/rooms/${enc(room)}/account_data/org.example.room`),
    fullyRead: await get(`${mine}/rooms/${enc(room)}/account_data/m.fully_read`),
    tags: await get(`${mine}/rooms/${enc(room)}/tags`),
    // What either server has of its own beside the same defaults is left aside.
    rules: ['override', 'content', 'room', 'sender', 'underride'].map((kind) => [
      kind,
      (rules[kind] ?? [])
        .filter(
          (rule) =>
            rule['default'] === false ||
            rule['rule_id'] === '.m.rule.suppress_notices' ||
            rule['rule_id'] === '.m.rule.message',
        )
        .map((rule) => [rule['rule_id'], rule['enabled'], rule['actions'], rule['pattern'], rule['conditions']]),
    ]),
    pushers: (await get<{ pushers: Json[] }>('/pushers')).pushers.map(({ app_id: id, pushkey, kind, lang, data }) => [
      id,
      pushkey,
      kind,
      lang,
      data,
    ]),
    devices: (await get<{ devices: Json[] }>('/devices')).devices.map((device) => String(device['device_id'])).sort(),
    joined: (await get<{ joined_rooms: string[] }>('/joined_rooms')).joined_rooms.sort(),
    alias: (await get<{ room_id: string }>(`/directory/room/${enc(`#room1:${server}`)}`)).room_id,
    directory: (await get<{ chunk: { room_id: string }[] }>('/publicRooms')).chunk.map((one) => one.room_id).sort(),
    thumbnail: [thumbnail.status, thumbnail.headers.get('content-type')?.startsWith('image/')],
    reports: (await get<{ total: number }>('/_synapse/admin/v1/event_reports', admin)).total,
  }
  // Without what is not there.
  return JSON.parse(JSON.stringify(all)) as Json
}
