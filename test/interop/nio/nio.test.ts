// matrix-nio beside matrix-js-sdk: encrypted talk, files, receipts and history, both ways. Debian's version speaks on the r0 paths.
import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { type EventType, type MsgType, Preset, type MatrixEvent } from 'matrix-js-sdk'
import { enterEncrypted, read, type EncryptedPerson } from '../../harness/encrypted-person.ts'
import { signJwt } from '../../harness/jwt.ts'
import { until } from '../../harness/person.ts'
import { startServer } from '../../harness/server.ts'
import { checkedWay } from '../../harness/spec-proxy.ts'
import { nios, openNio, type Nio } from './nio.ts'

if (nios.length === 0)
  console.log(
    'matrix-nio is not tested: neither /usr/bin/python3 nor LATCHKEY_TEST_NIO_PYTHON has it with its encryption',
  )

const message = 'm.room.message' as EventType.RoomMessage
const text = (body: string): { msgtype: MsgType.Text; body: string } => ({ msgtype: 'm.text' as MsgType.Text, body })

/** What an event says of an encrypted file. */
interface EncryptedFile {
  url: string
  iv: string
  v: string
  key: { k: string; alg: string; ext: boolean; kty: string; key_ops: string[] }
  hashes: { sha256: string }
}
interface Seen {
  sender: string
  encrypted: boolean
  readable: boolean
  content: { body: string; file?: EncryptedFile }
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

async function uploadEncrypted({ client }: EncryptedPerson, plain: string): Promise<EncryptedFile> {
  const key = randomBytes(32)
  const iv = Buffer.concat([randomBytes(8), Buffer.alloc(8)])
  const body = createCipheriv('aes-256-ctr', key, iv).update(plain)
  const { content_uri: url } = await client.uploadContent(new Blob([new Uint8Array(body)]), {
    type: 'application/octet-stream',
    includeFilename: false,
  })
  return {
    url,
    iv: unpadded(iv),
    v: 'v2',
    hashes: { sha256: unpadded(createHash('sha256').update(body).digest()) },
    key: { k: key.toString('base64url'), alg: 'A256CTR', ext: true, kty: 'oct', key_ops: ['encrypt', 'decrypt'] },
  }
}

async function downloadEncrypted({ client }: EncryptedPerson, file: EncryptedFile): Promise<string> {
  const url = client.mxcUrlToHttp(file.url, undefined, undefined, undefined, false, true, true)
  assert.ok(url?.includes('/_matrix/client/v1/media/download/'))
  const response = await fetch(url ?? '', { headers: { authorization: `Bearer ${client.getAccessToken()}` } })
  const body = Buffer.from(await response.arrayBuffer())
  assert.equal(unpadded(createHash('sha256').update(body).digest()), file.hashes.sha256)
  return createDecipheriv('aes-256-ctr', Buffer.from(file.key.k, 'base64url'), Buffer.from(file.iv, 'base64'))
    .update(body)
    .toString()
}

const say = async (person: EncryptedPerson, roomId: string, content: Record<string, unknown>): Promise<string> =>
  (await person.client.sendEvent(roomId, message, content as unknown as ReturnType<typeof text>)).event_id

const heard = (nio: Nio, id: string): Promise<Seen> =>
  until(`nio reads ${id}`, async () => {
    const seen = await nio.do<Seen | null>('event', id)
    return seen?.readable === true && seen.encrypted && seen
  })

const eventOf = (person: EncryptedPerson, roomId: string, id: string): Promise<MatrixEvent> =>
  until(`${person.userId} sees ${id}`, () => person.room(roomId).findEventById(id))

async function meet(nio: Nio, people: readonly [EncryptedPerson, EncryptedPerson]): Promise<string> {
  const [alice, bob] = people
  const { room_id: roomId } = await alice.client.createRoom({
    preset: Preset.PrivateChat,
    name: 'With a bot',
    invite: [bob.userId, '@nio:test'],
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  await until(
    'the invitations',
    async () => bob.client.getRoom(roomId)?.getMyMembership() === 'invite' && (await nio.do('invited', roomId)),
  )
  await bob.client.joinRoom(roomId)
  await nio.do('join', roomId)
  await until('nio knows the room', async () => {
    const room = await nio.do<{ encrypted: boolean; members: string[] } | null>('room', roomId)
    return room?.encrypted === true && room.members.length === 3
  })
  for (const person of people)
    await until('all are in', () => person.client.getRoom(roomId)?.getJoinedMembers().length === 3)
  return roomId
}

async function talk(nio: Nio, people: readonly [EncryptedPerson, EncryptedPerson], roomId: string): Promise<void> {
  for (const person of people) {
    const seen = await heard(nio, await say(person, roomId, text(`from ${person.userId}`)))
    assert.deepEqual([seen.sender, seen.content.body], [person.userId, `from ${person.userId}`])
  }
  for (let turn = 0; turn < 3; turn++) {
    const id = await nio.do<string>('send', roomId, text(`from nio ${turn}`))
    for (const person of people) assert.equal(await read(person, roomId, id), `from nio ${turn}`)
  }
  const [alice] = people
  const root = await say(alice, roomId, text('do you like this?'))
  await heard(nio, root)
  await nio.do(
    'send',
    roomId,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: root, key: '👍' } },
    'm.reaction',
  )
  await until(
    'the reaction',
    () =>
      alice
        .room(roomId)
        .relations.getChildEventsForEvent(root, 'm.annotation', 'm.reaction')
        ?.getSortedAnnotationsByKey()?.[0]?.[0] === '👍',
  )
  const regretted = await nio.do<string>('send', roomId, text('better left unsaid'))
  const event = await eventOf(alice, roomId, regretted)
  await nio.do('redact', roomId, regretted)
  await until('the redaction', () => event.isRedacted())
}

async function sendFiles(
  nio: Nio,
  [alice]: readonly [EncryptedPerson, EncryptedPerson],
  roomId: string,
): Promise<void> {
  const file = await nio.do<EncryptedFile>('upload', 'a letter from nio', 'letter.txt')
  const id = await nio.do<string>('send', roomId, { msgtype: 'm.file', body: 'letter.txt', file })
  await read(alice, roomId, id)
  const received = (await eventOf(alice, roomId, id)).getContent()['file'] as EncryptedFile
  assert.equal(await downloadEncrypted(alice, received), 'a letter from nio')

  const answer = await say(alice, roomId, {
    msgtype: 'm.file',
    body: 'answer.txt',
    file: await uploadEncrypted(alice, 'an answer for nio'),
  })
  assert.equal(await nio.do('download', (await heard(nio, answer)).content.file), 'an answer for nio')
}

async function watchEachOther(
  nio: Nio,
  [alice]: readonly [EncryptedPerson, EncryptedPerson],
  roomId: string,
): Promise<void> {
  const id = await say(alice, roomId, text('read this'))
  await heard(nio, id)
  await nio.do('read', roomId, id)
  await until('alice sees that nio has read', () => alice.room(roomId).hasUserReadEvent('@nio:test', id))
  const answer = await nio.do<string>('send', roomId, text('read that'))
  await alice.client.sendReadReceipt(await eventOf(alice, roomId, answer))
  await until('nio sees that alice has read', () => nio.do<boolean>('read_by', answer, alice.userId))
  await nio.do('type', roomId)
  await until('alice sees nio typing', () => alice.room(roomId).getMember('@nio:test')?.typing)
  await alice.client.sendTyping(roomId, true, 20_000)
  await until('nio sees alice typing', () => nio.do<boolean>('is_typing', roomId, alice.userId))
  assert.equal(await nio.do('profile', 'A bot'), 'A bot')
  await until('alice sees the name', () => alice.room(roomId).getMember('@nio:test')?.rawDisplayName === 'A bot')

  const history = await nio.do<{ id: string; readable: boolean }[]>('history', roomId)
  assert.equal(new Set(history.map((event) => event.id)).size, history.length, 'no page repeats an event')
  assert.ok(
    history.every((event) => event.readable),
    'nio reads its whole history',
  )
  const known = new Set(history.map((event) => event.id))
  assert.deepEqual(
    alice
      .room(roomId)
      .getLiveTimeline()
      .getEvents()
      .map((event) => event.getId() ?? '')
      .filter((each) => !known.has(each)),
    [],
    'nothing is missing',
  )
}

async function invitedByNio(nio: Nio, [alice]: readonly [EncryptedPerson, EncryptedPerson]): Promise<void> {
  const roomId = await nio.do<string>('create', [alice.userId])
  await until('the invitation by nio', () => alice.client.getRoom(roomId)?.getMyMembership() === 'invite')
  await alice.client.joinRoom(roomId)
  await until(
    'nio sees alice come',
    async () => (await nio.do<{ members: string[] } | null>('room', roomId))?.members.length === 2,
  )
  await until('alice is in', () => alice.crypto.isEncryptionEnabledInRoom(roomId))
  assert.equal(await read(alice, roomId, await nio.do<string>('send', roomId, text('welcome'))), 'welcome')
  assert.equal((await heard(nio, await say(alice, roomId, text('thank you')))).content.body, 'thank you')
}

/** Old versions, such as 0.20, put their token into the address, and send none when they fetch files. */
const old = { query_access_token: true, media: { authenticated_only: false } }

for (const { python, version } of nios) {
  test(`matrix-nio ${version} and matrix-js-sdk write, read, send files and see each other`, async () => {
    await using server = await startServer(Number(version.split('.')[1]) < 25 ? old : {})
    await using way = await checkedWay(server.url)
    const people: EncryptedPerson[] = []
    await using nio = openNio(python, way.url, '@nio:test')
    try {
      const session = await nio.do<{ user: string; device: string }>('login', {
        type: 'org.matrix.login.jwt',
        token: signJwt({ sub: 'nio' }),
        initial_device_display_name: 'nio',
      })
      assert.equal(session.user, '@nio:test')
      for (const name of ['alice', 'bob']) people.push(await enterEncrypted(server.url, name, {}))
      const [alice, bob] = people
      assert.ok(alice && bob)
      const pair = [alice, bob] as const
      // Version 0.20 cannot encrypt for anybody who has no display name.
      await nio.do('profile', 'Nio')
      for (const person of pair) await person.client.setDisplayName(person.userId)
      const roomId = await meet(nio, pair)
      await talk(nio, pair, roomId)
      await sendFiles(nio, pair, roomId)
      await watchEachOther(nio, pair, roomId)
      await invitedByNio(nio, pair)
      assert.deepEqual(await nio.do('devices'), [session.device])
      await nio.do('logout')
      assert.deepEqual([...new Set(people.flatMap((person) => person.faults))], [])
      assert.deepEqual(way.faults(), [])
    } finally {
      for (const person of people) person.stop()
    }
  })
}

// The library leaves timers behind when a client stops; they would keep this process waiting.
after(() => {
  setTimeout(() => process.exit(), 500).unref()
})
