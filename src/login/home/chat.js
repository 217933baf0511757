// A chat as small as one can be, over the plain client API: what there is to see of a try-out. It signs in by the same module that
// applications use.
import { openSession } from '../../embed.js'

const chat = document.getElementById('chat')
const [roomList, title, timeline, status, composer, input] = [
  'rooms',
  'room',
  'timeline',
  'status',
  'composer',
  'text',
].map((id) => document.getElementById(id))
const { person, other } = chat.dataset
const texts = JSON.parse(chat.dataset.texts)
const base = new URL('../..', location.href).href.replace(/\/$/, '')
/** How many events of a room are kept and shown. */
const most = 200

const say = (text, isBad = false) => {
  status.textContent = text
  status.hidden = text === ''
  status.className = isBad ? 'notice warn' : 'quiet'
}

const element = (name, className, text) =>
  Object.assign(document.createElement(name), { className, textContent: text ?? '' })

/** A token of the try-out, as an application's own backend would give it. */
const token = async () => {
  const answer = await fetch('token', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ person }),
  })
  const body = await answer.json()
  if (!answer.ok) throw new Error(body.error)
  return body.token
}

let session
const api = async (method, path, body) => {
  const answer = await session.fetch(`${base}/_matrix/client/v3/${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  })
  const result = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(result.error), { code: result.errcode, status: answer.status })
  return result
}

/** By their ids: name, members with their names, events, and whether it is an invitation. */
const rooms = new Map()
let current
/** The room that everybody of the try-out is in. */
let common

const nameOf = (room, user) => room.members.get(user)?.displayname || user.replace(/^@|:.*/g, '')

const nameOfRoom = (room) => {
  if (room.name) return room.name
  const others = [...room.members.keys()].filter((user) => user !== session.userId)
  return others.length > 0 ? others.map((user) => nameOf(room, user)).join(', ') : texts.alone
}

const changes = {
  join: texts.joined,
  leave: texts.left,
  invite: texts.invited,
  ban: texts.banned,
}

/** What an event is shown as; undefined: not at all. */
const shown = (room, event) => {
  const { type, content, sender, state_key: key } = event
  if (type === 'm.room.message' && typeof content.body === 'string') {
    const item = element('li', sender === session.userId ? 'message own' : 'message')
    const time = new Date(event.origin_server_ts).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    item.append(element('span', 'who', `${nameOf(room, sender)} · ${time}`), element('p', 'said', content.body))
    return item
  }
  if (type === 'm.room.encrypted') return element('li', 'event', texts.encrypted)
  if (type !== 'm.room.member' || !Object.hasOwn(changes, content.membership)) return undefined
  // Who only changes their name neither comes nor goes.
  if (event.unsigned?.prev_content?.membership === content.membership) return undefined
  return element('li', 'event', changes[content.membership].replace('{name}', content.displayname || nameOf(room, key)))
}

const drawRooms = () => {
  roomList.replaceChildren(
    ...[...rooms].map(([id, room]) => {
      const button = element('button', id === current ? 'plain here' : 'plain', nameOfRoom(room))
      button.type = 'button'
      if (id === current) button.setAttribute('aria-current', 'true')
      if (room.invited) button.append(element('span', 'badge', texts.invitation))
      else if (room.unread > 0 && id !== current) button.append(element('span', 'badge', String(room.unread)))
      button.onclick = () => open(id)
      const item = element('li', '')
      item.append(button)
      return item
    }),
  )
}

const drawTimeline = () => {
  const room = rooms.get(current)
  if (!room) return
  title.textContent = nameOfRoom(room)
  const atEnd = timeline.scrollHeight - timeline.scrollTop - timeline.clientHeight < 60
  timeline.replaceChildren(...room.events.map((event) => shown(room, event)).filter(Boolean))
  if (atEnd) timeline.scrollTop = timeline.scrollHeight
}

const draw = () => {
  drawRooms()
  drawTimeline()
}

/** What whoever is alone here does next. */
const hint = () => {
  const isSilent = !rooms.get(current)?.events.some(({ type }) => type === 'm.room.message')
  return current === common && isSilent ? texts.empty.replace('{name}', other) : ''
}

const open = async (id) => {
  try {
    current = id
    if (rooms.get(id)?.invited) await api('POST', `join/${encodeURIComponent(id)}`, {})
    if (rooms.has(id)) rooms.get(id).unread = 0
    draw()
    say(hint())
    timeline.scrollTop = timeline.scrollHeight
    input.focus()
  } catch (error) {
    say(error.message, true)
  }
}

const roomOf = (id) => {
  if (!rooms.has(id)) rooms.set(id, { name: '', members: new Map(), events: [], unread: 0, invited: false })
  return rooms.get(id)
}

const takeState = (room, { type, state_key: key, content }) => {
  if (type === 'm.room.name') room.name = content.name
  if (type !== 'm.room.member') return
  if (content.membership === 'join' || content.membership === 'invite') room.members.set(key, content)
  // Names are still wanted for what somebody said who left.
}

const take = ({ rooms: { invite = {}, join = {}, leave = {} } = {} }) => {
  for (const [id, { invite_state: state }] of Object.entries(invite)) {
    const room = Object.assign(roomOf(id), { invited: true })
    for (const event of state.events) takeState(room, event)
  }
  for (const [id, part] of Object.entries(join)) {
    const room = Object.assign(roomOf(id), { invited: false })
    for (const event of part.state?.events ?? []) takeState(room, event)
    for (const event of part.timeline?.events ?? []) {
      if (event.state_key !== undefined) takeState(room, event)
      if (event.type === 'm.room.message' && event.sender !== session.userId) room.unread++
      room.events.push(event)
    }
    room.events.splice(0, room.events.length - most)
    if (id === current) room.unread = 0
  }
  for (const id of Object.keys(leave)) rooms.delete(id)
}

/** Whoever comes first makes it. */
const enterCommonRoom = async () => {
  const alias = `#try-out:${session.userId.replace(/^[^:]*:/, '')}`
  const join = async () => (await api('POST', `join/${encodeURIComponent(alias)}`, {})).room_id
  try {
    return await join()
  } catch (error) {
    if (error.code !== 'M_NOT_FOUND') throw error
  }
  try {
    const wish = { room_alias_name: 'try-out', name: texts.roomName, preset: 'public_chat' }
    return (await api('POST', 'createRoom', wish)).room_id
  } catch (error) {
    // Somebody else was faster.
    if (error.code !== 'M_ROOM_IN_USE') throw error
    return join()
  }
}

composer.onsubmit = async (event) => {
  event.preventDefault()
  const body = input.value.trim()
  if (body === '' || current === undefined) return
  input.value = ''
  try {
    const path = `rooms/${encodeURIComponent(current)}/send/m.room.message/${crypto.randomUUID()}`
    await api('PUT', path, { msgtype: 'm.text', body })
    say('')
  } catch (error) {
    input.value = body
    say(error.message, true)
  }
}

const filter = JSON.stringify({ room: { timeline: { limit: 50 } }, presence: { not_types: ['*'] } })
const follow = async () => {
  let since
  for (;;) {
    try {
      const query = new URLSearchParams({ filter, timeout: '30000', ...(since && { since }) })
      const answer = await api('GET', `sync?${query}`)
      since = answer.next_batch
      take(answer)
      draw()
      if (!status.className.includes('warn')) say(hint())
    } catch (error) {
      if (error.status === 401) throw error
      say(texts.away)
      await new Promise((resolve) => setTimeout(resolve, 2000))
    }
  }
}

try {
  say(texts.signingIn)
  session = await openSession({ homeserver: base, account: `try-out ${person}`, token, deviceName: 'Try-out' })
  common = await enterCommonRoom()
  current = common
  say('')
  await follow()
} catch (error) {
  composer.hidden = true
  say(error.message, true)
}
