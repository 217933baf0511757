// Bodies that get far: what no schema says, because it depends on what is there, or on the type of an event.
import type { Making } from './values.ts'

type Make = (making: Making) => unknown

const one = ({ random, pools }: Making, name: string): string => pools.pick(random, name) ?? 'none'

const relation: Make = (making) => {
  const { random } = making
  const event_id = one(making, 'event_id')
  return random.pick([
    { rel_type: 'm.annotation', event_id, key: random.pick(['👍', 'x']) },
    { rel_type: 'm.thread', event_id, is_falling_back: true, 'm.in_reply_to': { event_id } },
    { rel_type: 'm.replace', event_id },
    { rel_type: 'm.reference', event_id },
    { 'm.in_reply_to': { event_id } },
  ])
}

/** Contents of events, by their type. */
export const contents: Readonly<Record<string, Make>> = {
  'm.room.message': (making) => ({
    msgtype: 'm.text',
    body: making.random.pick(['hello alice', 'swordfish', 'x'.repeat(3000)]),
    ...(making.random.chance(40) && { 'm.relates_to': relation(making) }),
    ...(making.random.chance(15) && { 'm.mentions': { user_ids: [one(making, 'user_id')], room: true } }),
    ...(making.random.chance(10) && { 'm.new_content': { msgtype: 'm.text', body: 'new' } }),
  }),
  'm.reaction': (making) => ({ 'm.relates_to': relation(making) }),
  'm.room.member': (making) => ({
    membership: making.random.pick(['join', 'leave', 'invite', 'ban', 'knock', 'else']),
    displayname: 'Somebody',
    avatar_url: one(making, 'content_uri'),
    ...(making.random.chance(20) && { third_party_invite: { signed: { mxid: one(making, 'user_id'), token: 'x' } } }),
    ...(making.random.chance(20) && { join_authorised_via_users_server: one(making, 'user_id') }),
  }),
  'm.room.power_levels': (making) => ({
    users: {
      [one(making, 'user_id')]: making.random.pick([0, 50, 100, 101, -1]),
      '@alice:test': 100,
      '@admin:test': 100,
    },
    users_default: making.random.int(3),
    events: { 'm.room.message': making.random.int(60), 'm.room.name': '50' },
    state_default: 50,
    ban: making.random.int(101),
    notifications: { room: 20 },
  }),
  'm.room.join_rules': (making) => ({
    join_rule: making.random.pick(['public', 'invite', 'knock', 'restricted', 'knock_restricted', 'private']),
    allow: [{ type: 'm.room_membership', room_id: one(making, 'room_id') }],
  }),
  'm.room.history_visibility': ({ random }) => ({
    history_visibility: random.pick(['shared', 'joined', 'invited', 'world_readable']),
  }),
  'm.room.guest_access': ({ random }) => ({ guest_access: random.pick(['can_join', 'forbidden']) }),
  'm.room.canonical_alias': (making) => ({
    alias: one(making, 'room_alias'),
    alt_aliases: [one(making, 'room_alias')],
  }),
  'm.room.name': () => ({ name: 'A name' }),
  'm.room.topic': () => ({ topic: 'x'.repeat(200) }),
  'm.room.avatar': (making) => ({ url: one(making, 'content_uri') }),
  'm.room.tombstone': (making) => ({ body: 'gone', replacement_room: one(making, 'room_id') }),
  'm.room.encryption': () => ({ algorithm: 'm.megolm.v1.aes-sha2' }),
  'm.room.server_acl': () => ({ allow: ['*'], deny: ['*.evil', '?'.repeat(200)], allow_ip_literals: false }),
  'm.room.pinned_events': (making) => ({ pinned: [one(making, 'event_id')] }),
  'm.space.child': (making) => ({ via: ['test'], order: 'a', suggested: making.random.chance(50) }),
  'm.space.parent': () => ({ via: ['test'], canonical: true }),
  'm.room.third_party_invite': () => ({ display_name: 'x', key_validity_url: 'https://x.invalid', public_key: 'AAAA' }),
  'org.matrix.msc3401.call.member': () => ({ memberships: [{ device_id: 'X', expires: 1000 }] }),
}

/** Types of which `contents` knows the form. */
export const eventTypes = Object.keys(contents)

const filter: Make = (making) => ({
  room: {
    timeline: {
      limit: making.random.int(200),
      types: ['m.*', '*'],
      senders: [one(making, 'user_id')],
      lazy_load_members: true,
    },
    state: { lazy_load_members: making.random.chance(50), include_redundant_members: true },
    rooms: making.random.chance(30) ? [one(making, 'room_id')] : undefined,
    include_leave: making.random.chance(50),
  },
  event_fields: making.random.chance(30) ? ['content.body', 'type', 'sender'] : undefined,
  event_format: making.random.pick(['client', 'federation']),
})

const stateEvents: Make = (making) =>
  Array.from({ length: making.random.int(5) }, () => {
    const type = making.random.pick(eventTypes)
    return { type, state_key: making.random.pick(['', one(making, 'user_id')]), content: contents[type]?.(making) }
  })

const config = (making: Making): object => ({
  timeline_limit: making.random.int(30),
  required_state: [
    ['*', making.random.pick(['', '*', '$ME', '$LAZY'])],
    ['m.room.member', '$LAZY'],
  ].slice(making.random.int(3)),
})

const sliding: Make = (making) => ({
  conn_id: making.random.pick(['a', 'b']),
  lists: {
    main: {
      ...config(making),
      ranges: [[0, making.random.int(50)]],
      filters: making.random.chance(50)
        ? { is_dm: false, spaces: [one(making, 'room_id')], not_tags: ['m.favourite'] }
        : {},
    },
  },
  room_subscriptions: { [one(making, 'room_id')]: config(making) },
  extensions: {
    to_device: { enabled: true, since: making.random.chance(30) ? one(making, 'next_batch') : undefined },
    e2ee: { enabled: true },
    account_data: { enabled: true, lists: ['main', '*'], rooms: ['*'] },
    receipts: { enabled: true },
    typing: { enabled: true },
    'io.element.msc4360.threads': { enabled: true, include_roots: true },
  },
})

const key = (making: Making, id: string): object => ({
  user_id: one(making, 'user_id'),
  usage: [id],
  keys: { [`ed25519:${'A'.repeat(43)}`]: 'A'.repeat(43) },
  signatures: { [one(making, 'user_id')]: { 'ed25519:X': 'A'.repeat(86) } },
})

/** Bodies, by the operation. */
export const templates: Readonly<Record<string, Make>> = {
  createRoom: (making) => ({
    preset: making.random.pick(['public_chat', 'private_chat', 'trusted_private_chat']),
    visibility: making.random.pick(['public', 'private']),
    room_version: making.random.chance(60) ? String(1 + making.random.int(13)) : undefined,
    room_alias_name: making.random.chance(40) ? `alias${making.random.int(100)}` : undefined,
    name: 'Room',
    invite: making.random.chance(40) ? [one(making, 'user_id')] : undefined,
    is_direct: making.random.chance(20),
    initial_state: making.random.chance(60) ? stateEvents(making) : undefined,
    creation_content: making.random.chance(30)
      ? { type: 'm.space', predecessor: { room_id: one(making, 'room_id'), event_id: one(making, 'event_id') } }
      : undefined,
    power_level_content_override: making.random.chance(30) ? contents['m.room.power_levels']?.(making) : undefined,
  }),
  defineFilter: filter,
  search: (making) => ({
    search_categories: {
      room_events: {
        search_term: making.random.pick(['hello', 'swordfish alice', '"', '*', 'a OR b NOT (', 'NEAR(x y)', '\\']),
        order_by: making.random.pick(['rank', 'recent']),
        keys: making.random.chance(30) ? ['content.body', 'content.name', 'content.topic'] : undefined,
        event_context: making.random.chance(50)
          ? { before_limit: 5, after_limit: 5, include_profile: true }
          : undefined,
        include_state: making.random.chance(50),
        groupings: { group_by: [{ key: 'room_id' }, { key: 'sender' }] },
        filter: making.random.chance(50)
          ? { limit: making.random.int(50), rooms: [one(making, 'room_id')] }
          : undefined,
      },
    },
  }),
  slidingSync: sliding,
  simplifiedSlidingSync: sliding,
  setAccountData: (making) => ({ value: one(making, 'room_id'), list: [1, 2], global: {} }),
  setPusher: (making) => ({
    kind: making.random.pick(['http', 'email', null]),
    app_id: 'app',
    pushkey: making.random.pick(['key', 'alice@example.org']),
    app_display_name: 'App',
    device_display_name: 'Phone',
    lang: 'en',
    data: { url: 'https://push.invalid/_matrix/push/v1/notify', format: 'event_id_only' },
    append: making.random.chance(50),
  }),
  postPusher: (making) => templates['setPusher']?.(making),
  setPushRule: (making) => ({
    pattern: making.random.pick(['a*b', '?'.repeat(40), '**', 'x']),
    actions: ['notify', { set_tweak: 'highlight', value: false }],
    conditions: [
      { kind: 'event_match', key: 'content.body', pattern: '*a*' },
      { kind: 'event_property_is', key: 'content.m\\.x', value: 1 },
      { kind: 'event_property_contains', key: 'content.list', value: 'x' },
      { kind: 'room_member_count', is: making.random.pick(['2', '>=3', '<x', '==']) },
      { kind: 'sender_notification_permission', key: 'room' },
      { kind: 'unknown' },
    ].slice(making.random.int(6)),
  }),
  sendToDevice: (making) => ({
    messages: { [one(making, 'user_id')]: { [making.random.pick(['*', one(making, 'device_id')])]: { a: 1 } } },
  }),
  uploadKeys: (making) => ({
    device_keys: {
      user_id: one(making, 'user_id'),
      device_id: one(making, 'device_id'),
      algorithms: ['m.olm.v1.curve25519-aes-sha2'],
      keys: {
        [`curve25519:${one(making, 'device_id')}`]: 'A'.repeat(43),
        [`ed25519:${one(making, 'device_id')}`]: 'A'.repeat(43),
      },
      signatures: { [one(making, 'user_id')]: { [`ed25519:${one(making, 'device_id')}`]: 'A'.repeat(86) } },
    },
    one_time_keys: { [`signed_curve25519:AAAA${making.random.int(100)}`]: { key: 'A'.repeat(43), signatures: {} } },
    fallback_keys: { 'signed_curve25519:AAAAGA': { key: 'A'.repeat(43), fallback: true, signatures: {} } },
  }),
  queryKeys: (making) => ({ device_keys: { [one(making, 'user_id')]: [], '@x:elsewhere.test': [] }, timeout: 10 }),
  claimKeys: (making) => ({
    one_time_keys: { [one(making, 'user_id')]: { [one(making, 'device_id')]: 'signed_curve25519' } },
  }),
  uploadCrossSigningKeys: (making) => ({
    master_key: key(making, 'master'),
    self_signing_key: key(making, 'self_signing'),
    user_signing_key: key(making, 'user_signing'),
    auth: making.random.chance(30) ? { type: 'org.matrix.login.jwt', session: one(making, 'session') } : undefined,
  }),
  postRoomKeysVersion: () => ({
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: { public_key: 'A'.repeat(43) },
  }),
  scimCreateUser: (making) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `scim${making.random.int(60)}`,
    externalId: `ext${making.random.int(60)}`,
    active: making.random.chance(80),
    displayName: 'Scim',
    emails: [{ value: 'a@example.org', primary: true }],
  }),
  scimCreateGroup: (making) => ({
    displayName: `group${making.random.int(20)}`,
    members: [{ value: one(making, 'id') }],
  }),
  scimPatchUser: (making) => ({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [
      {
        op: making.random.pick(['replace', 'Add', 'remove', 'x']),
        path: making.random.pick([
          'active',
          'emails[type eq "work"].value',
          'name.givenName',
          'displayName',
          'a[b eq',
          undefined,
        ]),
        value: making.random.pick([true, 'False', 'x', { active: false }, [{ value: 'x' }]]),
      },
    ],
  }),
  scimPatchGroup: (making) => ({
    Operations: [
      { op: making.random.pick(['add', 'remove', 'replace']), path: 'members', value: [{ value: one(making, 'id') }] },
    ],
  }),
  oauthRegister: () => ({
    client_name: 'App',
    client_uri: 'https://app.example.org/',
    redirect_uris: ['https://app.example.org/callback'],
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    token_endpoint_auth_method: 'none',
  }),
}

/** Fields of forms, as browsers and programs send them. */
export const formFields = [
  'token', 'code', 'state', 'user', 'username', 'password', 'SAMLResponse', 'SAMLRequest', 'RelayState', 'grant_type', 'client_id',
  'redirect_uri', 'code_verifier', 'refresh_token', 'device_code', 'user_code', 'scope', 'subject_token', 'subject_token_type',
  'assertion', 'logout_token', 'redirectUrl', 'redirect', 'name', 'display_name', 'expires', 'id', 'session', 'action', 'provider',
  'response_type', 'code_challenge', 'code_challenge_method', 'login_hint', 'prompt', 'ticket', 'loginToken', 'error', 'error_description',
  'message', 'reason', 'from', 'to', 'search', 'client_secret', 'token_type_hint', 'pgtId', 'device_id', 'room',
] as const // prettier-ignore
