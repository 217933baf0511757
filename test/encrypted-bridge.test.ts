// A bridge that encrypts, with the same engine as the clients: its device is told of messages, keys and devices by transactions alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventType, type MsgType, Preset } from 'matrix-js-sdk'
// It comes with matrix-js-sdk.
import {
  DecryptionSettings,
  DeviceId,
  DeviceLists,
  EncryptionSettings,
  initAsync,
  OlmMachine,
  RequestType,
  RoomId,
  TrustRequirement,
  UserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import { Bridge, FakeService } from '../src/appservice/fixture.test.ts'
import type { Body, ClientEvent } from './harness/client.ts'
import { enterEncrypted, read } from './harness/encrypted-person.ts'
import { databases } from './harness/postgres.ts'
import { startServer } from './harness/server.ts'
import { until } from './harness/person.ts'

const [device, prefix] = ['BRIDGE', 'org.matrix.msc3202']
const settings = (): DecryptionSettings => new DecryptionSettings(TrustRequirement.Untrusted)

/** What all requests of the engine have in common; those to devices have the rest. */
interface OutgoingRequest {
  id?: string | undefined
  type: RequestType
  body: string
  event_type?: string
  txn_id?: string
}

/** A user of a bridge who encrypts. */
class EncryptedGhost {
  readonly userId: string
  readonly events: ClientEvent[] = []
  readonly #bridge: Bridge
  readonly #machine: OlmMachine
  #taken = 0

  constructor(bridge: Bridge, userId: string, machine: OlmMachine) {
    this.userId = userId
    this.#bridge = bridge
    this.#machine = machine
  }

  static async make(bridge: Bridge, name: string): Promise<EncryptedGhost> {
    const userId = await bridge.ghost(name)
    assert.equal((await bridge.ask('PUT', `/devices/${device}`, { display_name: 'A bridge' }, userId)).status, 201)
    const ghost = new EncryptedGhost(
      bridge,
      userId,
      await OlmMachine.initialize(new UserId(userId), new DeviceId(device)),
    )
    await ghost.flush()
    return ghost
  }

  ask(method: string, path: string, body: unknown): Promise<Body> {
    return this.#bridge.req(method, path, body, this.userId, { device_id: device })
  }

  async #send(request: OutgoingRequest): Promise<void> {
    const paths: Partial<Record<RequestType, [string, string]>> = {
      [RequestType.KeysUpload]: ['POST', '/keys/upload'],
      [RequestType.KeysQuery]: ['POST', '/keys/query'],
      [RequestType.KeysClaim]: ['POST', '/keys/claim'],
      [RequestType.ToDevice]: ['PUT', `/sendToDevice/${request.event_type}/${request.txn_id}`],
    }
    const [method, path] = paths[request.type] ?? []
    if (method === undefined || path === undefined) throw new Error(`A bridge has no answer to request ${request.type}`)
    const reply = await this.ask(method, path, JSON.parse(request.body))
    if (request.id !== undefined) await this.#machine.markRequestAsSent(request.id, request.type, JSON.stringify(reply))
  }

  /** Sends what the engine wants to be sent. */
  async flush(): Promise<void> {
    for (const request of await this.#machine.outgoingRequests()) await this.#send(request)
  }

  /** Takes in what has come by transactions since. */
  async take(service: FakeService): Promise<void> {
    for (const { body, events } of service.taken.slice(this.#taken)) {
      this.#taken += 1
      const lists = body[`${prefix}.device_lists`] as { changed: string[]; left: string[] } | undefined
      const counts = (
        body[`${prefix}.device_one_time_key_counts`] as
          | Record<string, Record<string, Record<string, number>>>
          | undefined
      )?.[this.userId]?.[device]
      const unused = (
        body[`${prefix}.device_unused_fallback_key_types`] as Record<string, Record<string, string[]>> | undefined
      )?.[this.userId]?.[device]
      const names = (list: string[] = []): UserId[] => list.map((userId) => new UserId(userId))
      await this.#machine.receiveSyncChanges(
        JSON.stringify(body['de.sorunome.msc2409.to_device'] ?? []),
        new DeviceLists(names(lists?.changed), names(lists?.left)),
        new Map(Object.entries(counts ?? {})),
        unused && new Set(unused),
        settings(),
      )
      this.events.push(...events)
    }
    await this.flush()
  }

  /** What an encrypted event says; undefined while it cannot be read. */
  async read(event: ClientEvent): Promise<Body | undefined> {
    try {
      const { event: text } = await this.#machine.decryptRoomEvent(
        JSON.stringify(event),
        new RoomId(event.room_id ?? ''),
        settings(),
      )
      return (JSON.parse(text) as { content: Body }).content
    } catch {
      return undefined
    }
  }

  async say(roomId: string, to: string, body: string): Promise<string> {
    await this.#machine.updateTrackedUsers([new UserId(to)])
    await this.flush()
    const claim = await this.#machine.getMissingSessions([new UserId(to)])
    if (claim) await this.#send(claim)
    for (const request of await this.#machine.shareRoomKey(
      new RoomId(roomId),
      [new UserId(to)],
      new EncryptionSettings(),
    ))
      await this.#send(request)
    const content = await this.#machine.encryptRoomEvent(
      new RoomId(roomId),
      'm.room.message',
      JSON.stringify({ msgtype: 'm.text', body }),
    )
    const { event_id: eventId } = await this.ask(
      'PUT',
      `/rooms/${encodeURIComponent(roomId)}/send/m.room.encrypted/1`,
      JSON.parse(content),
    )
    return String(eventId)
  }

  close(): void {
    this.#machine.close()
  }
}

for (const kind of databases) {
  test(`a bridge without a session encrypts and decrypts, told by transactions alone (${kind.name})`, async () => {
    await initAsync()
    const { url, dispose } = await kind.open()
    {
      await using irc = await new FakeService('irc').listen()
      const registration = irc.registration({
        'org.matrix.msc3202': true,
        'io.element.msc4190': true,
        'de.sorunome.msc2409.push_ephemeral': true,
      })
      await using server = await startServer({
        database: url,
        app_service_config_files: [registration],
        log: { level: 'silent' },
      })
      const bob = await EncryptedGhost.make(new Bridge(server.url, irc), '_irc_bob')
      const alice = await enterEncrypted(server.url, 'alice', {})
      const { room_id: roomId } = await alice.client.createRoom({
        preset: Preset.PrivateChat,
        invite: [bob.userId],
        initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
      })
      await bob.ask('POST', `/join/${encodeURIComponent(roomId)}`, {})
      await until(
        'alice sees that bob has come',
        () => alice.client.getRoom(roomId)?.getMember(bob.userId)?.membership === 'join',
      )

      const { event_id: asked } = await alice.client.sendEvent(roomId, 'm.room.message' as EventType.RoomMessage, {
        msgtype: 'm.text' as MsgType.Text,
        body: 'hello bridge',
      })
      const content = await until(
        'bob reads what alice says',
        async () => {
          await bob.take(irc)
          const event = bob.events.find((one) => one.event_id === asked)
          return event?.type === 'm.room.encrypted' && bob.read(event)
        },
        30,
      )
      assert.equal(content['body'], 'hello bridge')

      const answered = await bob.say(roomId, alice.userId, 'hello alice')
      assert.equal(await read(alice, roomId, answered), 'hello alice')
      // She used up one of bob's keys, and he hears of it.
      assert.ok(
        irc.taken.some(({ body }) =>
          JSON.stringify(body[`${prefix}.device_one_time_key_counts`] ?? {}).includes('signed_curve25519'),
        ),
      )
      bob.close()
      alice.stop()
      assert.deepEqual(alice.faults, [])
    }
    await dispose()
  })
}
