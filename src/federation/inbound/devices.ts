import { Type } from 'typebox'
import type { Devices } from '../../devices/index.ts'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser } from '../../matrix/ids.ts'
import { own, parseRemote, type Json } from '../../matrix/json.ts'
import type { Log } from '../../streams/index.ts'
import type { Users } from '../../users/index.ts'

export interface DeviceRouteDeps {
  readonly devices: Pick<Devices, 'list' | 'keys' | 'publicKeys'>
  readonly users: Pick<Users, 'find' | 'account'>
  readonly log: Pick<Log, 'now'>
  readonly serverName: string
}

const open = Type.Record(Type.String(), Type.Unknown())
/** Nobody of ours: another server sees what everybody sees. */
const stranger = { user: -1, userId: '' }

/** What is known of users of others is theirs to tell. */
const ofOurs = <T>(wanted: Readonly<Record<string, T>>, serverName: string): Record<string, T> =>
  Object.fromEntries(Object.entries(wanted).filter(([userId]) => isLocalUser(userId, serverName)))

const parsed = (text: string | undefined): Json | undefined => (text === undefined ? undefined : parseRemote(text))

/** Devices and keys of users here. */
export const deviceRoutes = ({ devices, users, log, serverName }: DeviceRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1userdevicesuserid */
  route({
    id: 'getUserDevices',
    method: 'GET',
    path: '/_matrix/federation/v1/user/devices/:userId',
    auth: 'server',
    params: Type.Object({ userId: Type.String() }),
    reply: open,
    handle: async ({ params: { userId } }) => {
      const user = isLocalUser(userId, serverName) ? await users.find(userId) : undefined
      if (user === undefined || !(await users.account(user)))
        throw new MatrixError('M_NOT_FOUND', 'This server has no such user')
      const streamId = log.now
      const keys = await devices.publicKeys(user)
      const list = (await devices.list(user)).flatMap(({ deviceId, displayName }) => {
        const ofDevice = parsed(keys.devices.get(deviceId))
        if (ofDevice === undefined) return []
        return [
          { device_id: deviceId, keys: ofDevice, ...(displayName !== null && { device_display_name: displayName }) },
        ]
      })
      const [master, selfSigning] = [parsed(keys.master?.text), parsed(keys.selfSigning)]
      return {
        user_id: userId,
        stream_id: streamId,
        devices: list,
        ...(master !== undefined && { master_key: master }),
        ...(selfSigning !== undefined && { self_signing_key: selfSigning }),
      }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery */
  route({
    id: 'queryUserKeys',
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/query',
    auth: 'server',
    bodyLimit: 2 * 1024 * 1024,
    body: Type.Object({ device_keys: Type.Record(Type.String(), Type.Array(Type.String())) }),
    reply: open,
    handle: async ({ body }) => {
      const answer = parseRemote(await devices.keys.query(stranger, ofOurs(body.device_keys, serverName)))
      return {
        device_keys: own(answer, 'device_keys') ?? {},
        master_keys: own(answer, 'master_keys') ?? {},
        self_signing_keys: own(answer, 'self_signing_keys') ?? {},
      }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysclaim */
  route({
    id: 'claimUserEncryptionKeys',
    method: 'POST',
    path: '/_matrix/federation/v1/user/keys/claim',
    auth: 'server',
    bodyLimit: 2 * 1024 * 1024,
    body: Type.Object({
      one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
    }),
    reply: open,
    handle: async ({ body }) => {
      const answer = parseRemote(await devices.keys.claim(ofOurs(body.one_time_keys, serverName)))
      return { one_time_keys: own(answer, 'one_time_keys') ?? {} }
    },
  }),
]
