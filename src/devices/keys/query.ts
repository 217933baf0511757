import { isLocalUser } from '../../matrix/ids.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Users } from '../../users/index.ts'
import type { RemoteKeys } from '../remote.ts'
import { queryElsewhere, type ElsewhereDeps } from './elsewhere.ts'
import type { KeyBook, MasterKey, OutgoingSignature, UserKeys } from './book.ts'

export interface QueryDeps extends ElsewhereDeps {
  readonly book: KeyBook
  readonly users: Pick<Users, 'find'>
}

/** Who asks. */
export interface Asker {
  readonly user: number
  readonly userId: string
}

interface Found extends Asker {
  readonly keys: UserKeys
}

const entry = (name: string, text: string): string => `${JSON.stringify(name)}:${text}`

function devicesText(keys: UserKeys, wanted: readonly string[]): string {
  const chosen =
    wanted.length === 0
      ? [...keys.devices]
      : [...new Set(wanted)].flatMap((deviceId) => {
          const text = keys.devices.get(deviceId)
          return text === undefined ? [] : [[deviceId, text] as const]
        })
  return `{${chosen.map(([deviceId, text]) => entry(deviceId, text)).join(',')}}`
}

/** The master key with what the asker has signed of it. */
function masterText(asker: Asker, master: MasterKey, signatures: readonly OutgoingSignature[] = []): string {
  const mine = signatures
    .filter((signature) => signature.target === master.publicKey)
    .map(({ signer, signature }) => [signer, signature] as const)
  if (mine.length === 0) return master.text
  const key = JSON.parse(master.text) as JsonObject & { signatures?: JsonObject }
  return JSON.stringify({ ...key, signatures: { ...key.signatures, [asker.userId]: Object.fromEntries(mine) } })
}

/**
 * Public keys as the one who asks may see them: nobody sees another's user-signing key, nor what is signed with it, save the one
 * who signed.
 * @param wanted device ids by user id; no device id: all of the user's
 * @returns JSON text
 * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysquery
 */
export async function queryKeys(
  deps: QueryDeps,
  asker: Asker,
  wanted: Readonly<Record<string, readonly string[]>>,
  timeoutMs?: number,
): Promise<string> {
  const { book, users, serverName } = deps
  const elsewhere = queryElsewhere(deps, wanted, timeoutMs)
  const signed = await book.signedBy(asker.user)
  const found = (
    await Promise.all(
      Object.keys(wanted).map(async (userId): Promise<Found | undefined> => {
        const user = isLocalUser(userId, serverName) ? await users.find(userId) : undefined
        return user === undefined ? undefined : { userId, user, keys: await book.of(user) }
      }),
    )
  ).filter((one) => one !== undefined)
  const { failures, answers } = await elsewhere
  const section = (name: string, textOf: (one: Found) => string | undefined, far?: keyof RemoteKeys): string =>
    entry(
      name,
      `{${[
        ...found.flatMap((one) => {
          const text = textOf(one)
          return text === undefined ? [] : [entry(one.userId, text)]
        }),
        ...answers.flatMap((answer) =>
          far === undefined
            ? []
            : Object.entries(answer[far]).map(([userId, keys]) => entry(userId, JSON.stringify(keys))),
        ),
      ].join(',')}}`,
    )
  return `{${[
    entry('failures', JSON.stringify(failures)),
    section('device_keys', ({ userId, keys }) => devicesText(keys, wanted[userId] ?? []), 'deviceKeys'),
    section(
      'master_keys',
      ({ user, keys }) => keys.master && masterText(asker, keys.master, signed.get(user)),
      'masterKeys',
    ),
    section('self_signing_keys', ({ keys }) => keys.selfSigning, 'selfSigningKeys'),
    section('user_signing_keys', ({ user, keys }) => (user === asker.user ? keys.userSigning : undefined)),
  ].join(',')}}`
}
