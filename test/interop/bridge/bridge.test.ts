// A bridge made with matrix-appservice-bridge: its own registration, its ghosts, what it hears, and what it is asked.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, type SyncBody } from '../../harness/client.ts'
import { freePort } from '../../harness/process.ts'
import { databases } from '../../harness/postgres.ts'
import { startServer } from '../../harness/server.ts'
import { checkedWay } from '../../harness/spec-proxy.ts'
import { bridgeLibrary, type Bridge, type BridgeEvent, type EphemeralEvent, type Library } from './library.ts'

const library = await bridgeLibrary()
if (!library) console.log('bridges are not tested: matrix-appservice-bridge is not installed')

async function until<T>(what: string, find: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const found = await find()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`Waited in vain: ${what}`)
}

interface Heard {
  events: BridgeEvent[]
  ephemeral: EphemeralEvent[]
  users: string[]
  aliases: string[]
}

const protocol = {
  user_fields: ['nick'],
  location_fields: ['channel'],
  icon: 'mxc://test/remote',
  field_types: { channel: { regexp: '#.+', placeholder: '#chat' } },
  instances: [{ desc: 'The remote network', fields: {}, network_id: 'remote' }],
}

/** Writes the registration in the library's own way. */
function register({ AppServiceRegistration }: Library, file: string, port: number): void {
  const registration = new AppServiceRegistration(`http://127.0.0.1:${port}`)
  registration.setId(AppServiceRegistration.generateToken())
  registration.setHomeserverToken(AppServiceRegistration.generateToken())
  registration.setAppServiceToken(AppServiceRegistration.generateToken())
  registration.setSenderLocalpart('remotebot')
  registration.setRateLimited(false)
  registration.setProtocols(['remote'])
  registration.addRegexPattern('users', '@remote_.*', true)
  registration.addRegexPattern('aliases', '#remote_.*', true)
  registration.pushEphemeral = true
  registration.outputAsYaml(file)
}

async function openBridge(
  { Bridge: Made }: Library,
  homeserverUrl: string,
  registration: string,
  heard: Heard,
): Promise<Bridge> {
  const bridge = new Made({
    homeserverUrl,
    domain: 'test',
    registration,
    disableStores: true,
    disableContext: true,
    logRequestOutcome: false,
    suppressEcho: false,
    queue: { type: 'single' },
    controller: {
      onEvent: (request) => {
        heard.events.push(request.getData())
      },
      onEphemeralEvent: (request) => {
        heard.ephemeral.push(request.getData())
      },
      onUserQuery: ({ localpart }) => {
        heard.users.push(localpart)
        return localpart.startsWith('remote_known') ? { name: 'Known elsewhere' } : null
      },
      onAliasQuery: (alias, localpart) => {
        heard.aliases.push(alias)
        return localpart === 'remote_chat'
          ? {
              creationOpts: {
                room_alias_name: localpart,
                name: 'Chat elsewhere',
                visibility: 'public',
                preset: 'public_chat',
              },
            }
          : null
      },
      thirdPartyLookup: {
        protocols: ['remote'],
        getProtocol: async () => protocol,
        getLocation: async (_protocol: string, fields: { channel: string }) => [
          { alias: `#remote_${fields.channel}:test`, protocol: 'remote', fields },
        ],
        parseLocation: async (alias: string) => [{ alias, protocol: 'remote', fields: { channel: 'chat' } }],
        getUser: async () => [],
        parseUser: async (userid: string) => [{ userid, protocol: 'remote', fields: { nick: 'known' } }],
      },
    },
  })
  await bridge.initialise()
  return bridge
}

const enc = encodeURIComponent

async function timeline(person: Client, roomId: string): Promise<BridgeEvent[]> {
  const sync = await person.req<SyncBody>('GET', '/sync')
  return (sync.rooms?.join?.[roomId]?.timeline.events ?? []) as unknown as BridgeEvent[]
}

async function story(made: Library, database: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bridge-'))
  const registration = join(folder, 'registration.yaml')
  const port = await freePort()
  register(made, registration, port)
  await using server = await startServer({
    database,
    app_service_config_files: [registration],
    log: { level: 'silent' },
  })
  await using way = await checkedWay(server.url)
  const heard: Heard = { events: [], ephemeral: [], users: [], aliases: [] }
  const bridge = await openBridge(made, way.url, registration, heard)
  await bridge.listen(port, '127.0.0.1')
  const alice = await new Client(way.url).login('alice')
  const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', {
    name: 'Both worlds',
    invite: ['@remotebot:test'],
  })
  const room = `/rooms/${enc(roomId)}`

  // The bot is invited, comes, and brings a ghost.
  await until('the bot hears of its invitation', () =>
    heard.events.some((event) => event.type === 'm.room.member' && event.state_key === '@remotebot:test'),
  )
  await bridge.getIntent().join(roomId)
  const bob = bridge.getIntent('@remote_bob:test')
  await bob.ensureRegistered()
  await bob.setDisplayName('Bob elsewhere')
  // The library has its bot invite the ghost, which the room takes of those who may.
  await alice.req('POST', `${room}/invite`, { user_id: '@remote_bob:test' })
  await bob.join(roomId)
  const { event_id: said } = await bob.sendText(roomId, 'hello from elsewhere')
  await until('alice reads it', async () =>
    (await timeline(alice, roomId)).some((event) => event.event_id === said && event.sender === '@remote_bob:test'),
  )
  await bob.sendTyping(roomId, true)
  await until('alice sees the ghost type', async () => {
    const sync = await alice.req<SyncBody>('GET', '/sync')
    return sync.rooms?.join?.[roomId]?.ephemeral?.events.some(
      ({ type, content }) => type === 'm.typing' && JSON.stringify(content).includes('@remote_bob:test'),
    )
  })

  // What alice does is heard, in order.
  const { event_id: asked } = await alice.req<{ event_id: string }>('PUT', `${room}/send/m.room.message/1`, {
    msgtype: 'm.text',
    body: 'hello from here',
  })
  await alice.req('PUT', `${room}/typing/${enc(alice.userId)}`, { typing: true, timeout: 20_000 })
  await alice.req('POST', `${room}/receipt/m.read/${enc(said)}`, {})
  await until('the bridge hears the message', () => heard.events.some(({ event_id: id }) => id === asked))
  await until('the bridge sees alice type and read', () =>
    ['m.typing', 'm.receipt'].every((type) =>
      heard.ephemeral.some(
        (event) =>
          event.type === type && event.room_id === roomId && JSON.stringify(event.content).includes(alice.userId),
      ),
    ),
  )
  await bob.sendReadReceipt(roomId, asked)
  assert.ok((await bridge.pingAppserviceRoute(roomId, 20_000)) >= 0)

  // Users and rooms come into being when they are asked for.
  await alice.req('POST', `${room}/invite`, { user_id: '@remote_known:test' })
  const member = await alice.req<{ displayname?: string }>(
    'GET',
    `${room}/state/m.room.member/${enc('@remote_known:test')}`,
  )
  assert.equal(member.displayname, 'Known elsewhere')
  const { room_id: portal } = await alice.req<{ room_id: string }>('POST', `/join/${enc('#remote_chat:test')}`, {})
  assert.equal((await alice.req('GET', `/rooms/${enc(portal)}/state/m.room.name`))['name'], 'Chat elsewhere')
  assert.equal((await alice.ask('POST', `/join/${enc('#remote_none:test')}`, {})).status, 404)
  assert.deepEqual([heard.users, heard.aliases], [['remote_known'], ['#remote_chat:test', '#remote_none:test']])
  const { remote } = await alice.req<Record<string, { instances: Array<{ desc: string }> }>>(
    'GET',
    '/thirdparty/protocols',
  )
  assert.equal(remote?.instances[0]?.desc, 'The remote network')
  assert.deepEqual(await alice.req<unknown>('GET', '/thirdparty/location/remote?channel=tea'), [
    { alias: '#remote_tea:test', protocol: 'remote', fields: { channel: 'tea' } },
  ])

  // The bridge goes away, and nothing is lost.
  await bridge.appService.close()
  for (const body of ['one', 'two', 'three'])
    await alice.req('PUT', `${room}/send/m.room.message/${body}`, { msgtype: 'm.text', body })
  const again = await openBridge(made, way.url, registration, heard)
  await again.listen(port, '127.0.0.1')
  const bodies = (): unknown[] =>
    heard.events
      .filter(({ room_id: id, type }) => id === roomId && type === 'm.room.message')
      .map(({ content }) => content['body'])
  await until('what was said meanwhile', () => bodies().includes('three'))
  assert.deepEqual(bodies(), ['hello from elsewhere', 'hello from here', 'one', 'two', 'three'])
  await again.close()
  assert.deepEqual(way.faults(), [])
  rmSync(folder, { recursive: true, force: true })
}

for (const kind of library ? databases : []) {
  test(`a bridge made with matrix-appservice-bridge lives between two worlds (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    await story(library as Library, url) // there is one, or this loop is empty
    await dispose()
  })
}
