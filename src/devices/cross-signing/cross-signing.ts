import type { Session } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { parseCrossSigningKey, type Usage } from './parse.ts'
import { uploadSignatures, type SignaturesDeps, type SignatureFailures, type SignedObjects } from './signatures.ts'
import { storeCrossSigning, type KeyUser } from './upload.ts'

/** The body of an upload, in the specification's shape. */
export type CrossSigningBody = JsonObject & { readonly [name in `${Usage}_key`]?: JsonObject }

export interface CrossSigning {
  /**
   * Publishes a user's cross-signing keys. Keys that are there already can be uploaded again and again; `confirm` is asked before
   * any of them changes, and throws what its caller is to answer. @throws MatrixError
   */
  upload(by: KeyUser, body: CrossSigningBody, confirm: () => Promise<void>): Promise<void>
  /** Adds signatures, each of which is verified; tells what was wrong. @throws MatrixError M_TOO_LARGE */
  sign(by: Pick<Session, 'user' | 'userId'>, objects: SignedObjects): Promise<SignatureFailures>
  /** Users whose keys the user signed in `(since, until]`: news for the user's own clients. */
  signedBy(user: number, since: number, until: number): readonly number[] | Promise<readonly number[]>
}

const usages = ['master', 'self_signing', 'user_signing'] as const satisfies readonly Usage[]

export const openCrossSigning = (deps: SignaturesDeps): CrossSigning => ({
  upload: async (by, body, confirm) => {
    const keys = usages.flatMap((usage) => {
      const key = body[`${usage}_key`]
      return key ? [parseCrossSigningKey(key, usage, by.userId)] : []
    })
    if ((await deps.log.write((tx) => storeCrossSigning(tx, by, keys, false))) === 'done') return
    await confirm()
    await deps.log.write((tx) => storeCrossSigning(tx, by, keys, true))
  },
  sign: (by, objects) => uploadSignatures(deps, by, objects),
  signedBy: (user, since, until) => deps.news.since(user, since, until),
})
