import { parseMxc } from '../matrix/ids.ts'
import { hash } from 'node:crypto'
import type { IdentityParts } from './deps.ts'
import type { Identity } from './identity.ts'
import type { LocalUser } from './ports.ts'
import { policyFor } from './policies.ts'
import { readAvatarSource, setGivenAvatar } from './store/links.ts'

/** What keeping a picture takes. */
export type AvatarDeps = Pick<IdentityParts, 'database' | 'users' | 'policies' | 'outgoing' | 'signal' | 'people'>

const largest = 5 * 1024 * 1024
const timeoutMs = 15_000

/** What pictures begin with. What a server calls its reply is not believed. */
const pictures: readonly [type: string, test: (bytes: Buffer) => boolean][] = [
  ['image/png', (bytes) => bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))],
  ['image/jpeg', (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/gif', (bytes) => /^GIF8[79]a/.test(bytes.subarray(0, 6).toString('latin1'))],
  [
    'image/webp',
    (bytes) =>
      bytes.subarray(0, 4).toString('latin1') === 'RIFF' && bytes.subarray(8, 12).toString('latin1') === 'WEBP',
  ],
]

/** The type of a picture by its bytes; undefined for what is none that everybody can show. */
export const pictureType = (bytes: Buffer): string | undefined => pictures.find(([, test]) => test(bytes))?.[0]

const fetchPicture = async (deps: AvatarDeps, address: string): Promise<{ bytes: Buffer; type: string }> => {
  const reply = await deps.outgoing(address, {
    maxBytes: largest,
    timeoutMs,
    signal: deps.signal,
    headers: { accept: 'image/png, image/jpeg, image/webp, image/gif' },
  })
  if (reply.status !== 200) throw new Error(`The picture is answered with ${reply.status}`)
  const type = pictureType(reply.body)
  if (type === undefined) throw new Error('What is at the address of the picture is none')
  return { bytes: reply.body, type }
}

/**
 * Gives the user the picture at an address that a provider has named: fetched from public addresses only, looked at, and kept here.
 * Does nothing while the provider names the same address.
 */
export const applyAvatar = async (
  deps: AvatarDeps,
  identity: Identity,
  user: LocalUser,
  address: string,
): Promise<void> => {
  const link = { provider: policyFor(deps, identity.provider).people, subject: identity.subject }
  // An address may be long, or hold a key of its own.
  const source = hash('sha256', address, 'base64url')
  if ((await readAvatarSource(deps.database.read, link)) === source) return
  const mxc = parseMxc(address) ? address : await save(deps, user, address)
  if (mxc === undefined) return
  await deps.users.profiles.set(user.nid, 'avatar_url', mxc)
  await deps.database.write((tx) => setGivenAvatar(tx, { ...link, source, avatar: mxc }))
}

const save = async (deps: AvatarDeps, user: LocalUser, address: string): Promise<string | undefined> => {
  if (!deps.people) return undefined
  if (!/^https?:\/\//.test(address)) throw new Error('The address of the picture is neither https: nor mxc:')
  return deps.people.savePicture(user, await fetchPicture(deps, address))
}
