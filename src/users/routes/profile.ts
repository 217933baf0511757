import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser, isUserId } from '../../matrix/ids.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import { anyObject, mustBeSelf } from '../shapes.ts'
import type { RemoteProfiles } from '../profile.ts'
import type { Users } from '../users.ts'

const path = '/_matrix/client/v3/profile/:userId'
const fieldPath = `${path}/:keyName`
// Longer than any field name may be: the name has refusals of its own.
const Field = Type.Object({ userId: Type.String(), keyName: Type.String() })

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Profile not found')

/** Port to login/: the name of the identity provider that alone says what a field is; undefined where the user does. */
export interface ProfilePort {
  readonly lockedBy?: (user: number, field: 'displayname' | 'avatar_url') => Promise<string | undefined>
  /** Port to federation/; absent where no other server is asked. */
  readonly remote?: { readonly profiles: RemoteProfiles; readonly serverName: string } | undefined
}

async function mayChange({ lockedBy }: ProfilePort, session: Session, userId: string, key: string): Promise<void> {
  mustBeSelf(session, userId)
  if (session.guest && key !== 'displayname')
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests can change nothing but their display name')
  if (key !== 'displayname' && key !== 'avatar_url') return
  const provider = await lockedBy?.(session.user, key)
  if (provider !== undefined)
    throw new MatrixError('M_FORBIDDEN', `This comes from "${provider}", and is changed there`)
}

/** The profile; of a user who is not there, once whoever answers for the name had a chance to make them. Strangers make nobody. */
async function profileFor(
  { users: { profiles, summon }, remote }: { users: Users } & ProfilePort,
  session: Session | undefined,
  userId: string,
): Promise<JsonObject | undefined> {
  const profile = await profiles.get(userId)
  if (profile || !session) return profile
  if (remote && isUserId(userId) && !isLocalUser(userId, remote.serverName)) return remote.profiles.get(userId)
  await summon(userId)
  return profiles.get(userId)
}

/** What users say of themselves, for everyone to read. */
export const profileRoutes = ({ users, ...port }: { users: Users } & ProfilePort): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuserid */
  route({
    id: 'getUserProfile',
    method: 'GET',
    path,
    auth: 'optional',
    params: Type.Object({ userId: Type.String() }),
    reply: anyObject,
    handle: async ({ session, params }) => {
      const profile = await profileFor({ users, ...port }, session, params.userId)
      if (!profile) throw notFound()
      return profile
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3profileuseridkeyname */
  route({
    id: 'getProfileField',
    method: 'GET',
    path: fieldPath,
    auth: 'optional',
    params: Field,
    reply: anyObject,
    handle: async ({ session, params }) => {
      const value = own(await profileFor({ users, ...port }, session, params.userId), params.keyName)
      if (value === undefined) throw notFound()
      return { [params.keyName]: value }
    },
  }),
  /** Display name and avatar also go into the user's rooms. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3profileuseridkeyname */
  route({
    id: 'setProfileField',
    method: 'PUT',
    path: fieldPath,
    auth: 'guest',
    limit: 'message',
    params: Field,
    body: anyObject,
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      await mayChange(port, session, params.userId, params.keyName)
      const value = own(body, params.keyName)
      if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `"${params.keyName.slice(0, 255)}" is missing`)
      await users.profiles.set(session.user, params.keyName, value)
      return {}
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3profileuseridkeyname */
  route({
    id: 'deleteProfileField',
    method: 'DELETE',
    path: fieldPath,
    auth: 'guest',
    limit: 'message',
    params: Field,
    reply: Type.Object({}),
    handle: async ({ session, params }) => {
      await mayChange(port, session, params.userId, params.keyName)
      await users.profiles.remove(session.user, params.keyName)
      return {}
    },
  }),
]
