import { randomBytes } from 'node:crypto'
import { row, sampleOf } from '../measure.ts'
import type { Scenario } from '../scenario.ts'
import { buildRequest } from '../wire.ts'

const rounds = 5
/** Devices in one request, as clients divide the keys of a room. */
const inOne = 100

export const toDevice: Scenario = {
  name: 'to-device',
  about: 'the key of a room to very many devices',
  run: async (target) => {
    const { members } = target.options
    target.say(`${members} users, each with a device`)
    const [sender, ...others] = await target.users(members + 1)
    const [connection] = target.connect(1)
    if (!sender || !connection) return []
    // An encrypted room key is about this long.
    const content = {
      algorithm: 'm.olm.v1.curve25519-aes-sha2',
      ciphertext: { key: { type: 0, body: randomBytes(500).toString('base64') } },
      sender_key: 'key',
    }
    const all = sampleOf([])
    const each = sampleOf([])
    for (let round = 0; round < rounds; round++) {
      const started = performance.now()
      for (let at = 0; at < others.length; at += inOne) {
        const messages = Object.fromEntries(
          others.slice(at, at + inOne).map(({ userId }) => [userId, { '*': content }]),
        )
        const path = `/_matrix/client/v3/sendToDevice/m.room.encrypted/b${Date.now().toString(36)}-${round}-${at}`
        const before = performance.now()
        const { status, body } = await connection.exchange(
          buildRequest(target.origin, 'PUT', path, { token: sender.token, body: JSON.stringify({ messages }) }),
        )
        if (status !== 200) throw new Error(`refused: ${status} ${body.toString().slice(0, 200)}`)
        each.values.push(performance.now() - before)
      }
      all.values.push(performance.now() - started)
    }
    return [
      row('to-device', `a request to ${inOne} devices`, each),
      row('to-device', `${others.length} devices, one request after the other`, all, {
        note: `${Math.round((others.length * rounds * 1000) / all.values.reduce((sum, one) => sum + one, 0))} messages/s`,
      }),
    ]
  },
}
