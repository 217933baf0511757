import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { ToConfirm } from '../deps.ts'
import type { CrossSigning, CrossSigningBody } from './cross-signing.ts'
import type { SignedObjects } from './signatures.ts'

export interface CrossSigningRouteDeps {
  readonly crossSigning: CrossSigning
  /** Port, filled by login/. */
  readonly confirm: (request: ToConfirm) => Promise<void>
}

const CrossSigningKey = Type.Unsafe<JsonObject>(
  Type.Object({
    user_id: Type.String(),
    usage: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 10 }),
    keys: Type.Record(Type.String(), Type.String()),
    signatures: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Type.String()))),
  }),
)
const KeysBody = Type.Unsafe<CrossSigningBody>(
  Type.Object({
    master_key: Type.Optional(CrossSigningKey),
    self_signing_key: Type.Optional(CrossSigningKey),
    user_signing_key: Type.Optional(CrossSigningKey),
  }),
)
const SignaturesBody = Type.Unsafe<SignedObjects>(
  Type.Record(Type.String(), Type.Record(Type.String(), Type.Object({}))),
)

/** Cross-signing keys, and signatures. */
export const crossSigningRoutes = ({ crossSigning, confirm }: CrossSigningRouteDeps): Route[] => [
  /** The user confirms that keys change. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keysdevice_signingupload */
  route({
    id: 'uploadCrossSigningKeys',
    method: 'POST',
    path: '/_matrix/client/v3/keys/device_signing/upload',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: KeysBody,
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      await crossSigning.upload(session, body, () =>
        confirm({ session, operation: 'replace cross-signing keys', body, ip }),
      )
      return {}
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3keyssignaturesupload */
  route({
    id: 'uploadCrossSigningSignatures',
    method: 'POST',
    path: '/_matrix/client/v3/keys/signatures/upload',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: SignaturesBody,
    reply: Type.Object({ failures: Type.Record(Type.String(), Type.Record(Type.String(), Type.Object({}))) }),
    handle: async ({ session, body }) => ({ failures: await crossSigning.sign(session, body) }),
  }),
]
