// Chat for whoever is signed in to this application.
import { ClientEvent, createClient, EventType, MatrixEventEvent, MsgType, Preset, RoomEvent } from 'matrix-js-sdk'
import { callbacksFor, keepHistory, keyOfUser } from './history.js'

const { homeserver, user } = document.body.dataset
const log = document.querySelector('#messages')
const form = document.querySelector('#write')
const state = document.querySelector('#state')
const say = (text) => {
  state.textContent = text
}

/** What the keys of a session's device are kept by. */
const keysOf = ({ deviceId }) => `chat-${deviceId}`

/** Who is signed in here gets a Matrix session, which lives on in this browser: same device, same keys, after every reload. */
const start = async () => {
  const { openSession } = await import(`${homeserver}/_latchkey/embed.js`)
  let client
  const session = await openSession({
    homeserver,
    account: user,
    token: '/chat-token',
    deviceName: 'Intranet',
    onToken: (token) => client?.setAccessToken(token),
  })
  const key = await keyOfUser()
  client = createClient({ ...(await session.clientOptions()), cryptoCallbacks: callbacksFor(key) })
  await client.initRustCrypto({ cryptoDatabasePrefix: keysOf(session) })
  const synced = new Promise((resolve) => {
    client.on(ClientEvent.Sync, (now) => {
      if (now === 'PREPARED') resolve()
    })
  })
  client.on(ClientEvent.Sync, (now) => say(now === 'ERROR' || now === 'RECONNECTING' ? 'No connection …' : ''))
  await client.startClient({ initialSyncLimit: 50 })
  await synced
  await keepHistory(client, session, key)
  return { session, client }
}

/** The room that all users of this application are in: whoever is first makes it. */
const enter = async (client) => {
  const alias = `#team:${client.getDomain()}`
  for (;;) {
    try {
      const { roomId } = await client.joinRoom(alias)
      return roomId
    } catch (error) {
      if (error.errcode !== 'M_NOT_FOUND') throw error
    }
    await client
      .createRoom({
        name: 'Team',
        room_alias_name: 'team',
        preset: Preset.PublicChat,
        initial_state: [
          { type: EventType.RoomEncryption, state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
          { type: EventType.RoomHistoryVisibility, state_key: '', content: { history_visibility: 'joined' } },
        ],
      })
      .catch((error) => {
        if (error.errcode !== 'M_ROOM_IN_USE') throw error
      })
  }
}

const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })

const messageOf = (client, room, event) => {
  const item = document.createElement('li')
  const mine = event.getSender() === client.getUserId()
  item.className = [mine && 'mine', event.isSending() && 'sending', event.isDecryptionFailure() && 'unreadable']
    .filter(Boolean)
    .join(' ')
  const text = document.createElement('p')
  text.textContent = event.isDecryptionFailure()
    ? 'This message was encrypted before this browser was there.'
    : event.getContent().body
  const by = document.createElement('span')
  by.className = 'by'
  by.textContent = `${mine ? 'You' : (room.getMember(event.getSender())?.name ?? event.getSender())}, ${time.format(event.getDate())}`
  item.append(by, text)
  return item
}

const show = (client, room) => {
  const messages = room
    .getLiveTimeline()
    .getEvents()
    .filter((event) => event.getType() === EventType.RoomMessage && !event.isRedacted())
  log.replaceChildren(...messages.map((event) => messageOf(client, room, event)))
  document.querySelector('#empty').hidden = messages.length > 0
  log.lastElementChild?.scrollIntoView({ block: 'end' })
}

const run = async () => {
  const { session, client } = await start()
  const roomId = await enter(client)
  const there = () => client.getRoom(roomId)
  while (!there())
    await new Promise((resolve) => {
      client.once(ClientEvent.Room, resolve)
    })
  const room = there()
  const redraw = () => {
    show(client, room)
    document.querySelector('#members').textContent = room
      .getJoinedMembers()
      .map(({ name }) => name)
      .sort()
      .join(', ')
  }
  for (const event of [RoomEvent.Timeline, RoomEvent.LocalEchoUpdated, MatrixEventEvent.Decrypted, 'RoomState.members'])
    client.on(event, redraw)
  redraw()

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const body = form.text.value.trim()
    form.text.value = ''
    if (body)
      client.sendMessage(roomId, { msgtype: MsgType.Text, body }).catch((error) => say(`Not sent: ${error.message}`))
  })
  // Whoever leaves a shared computer leaves no session behind.
  const leave = async (form) => {
    client.stopClient()
    await session.end().catch(() => {})
    await client.clearStores({ cryptoDatabasePrefix: keysOf(session) })
    form.submit()
  }
  document.querySelector('#leave').addEventListener('submit', (event) => {
    event.preventDefault()
    leave(event.target).catch((error) => say(`Not signed out: ${error.message}`))
  })
  document.body.dataset.device = session.deviceId
  form.text.disabled = form.send.disabled = false
  form.text.focus()
  say('')
}

run().catch((error) => say(`Chat is not there: ${error.message}`))
