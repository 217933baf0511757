import { MatrixError } from '../../matrix/errors.ts'
import { isObject, own } from '../../matrix/json.ts'
import { readOwner } from '../../identity/index.ts'
import { requiredText } from '../body.ts'
import type { LoginParts } from '../deps.ts'
import { hashToken } from '../../sessions/index.ts'
import type { Stage } from '../uia/engine.ts'
import { emailStageType } from '../uia/stages.ts'
import { parseAddress } from './address.ts'
import { validationMail } from './message.ts'
import {
  countSent,
  deleteExpired,
  deleteValidation,
  readValidation,
  readValidationOf,
  saveValidation,
  type Purpose,
  type ValidationRow,
} from './store.ts'
import { mailTexts } from './texts.ts'

/** What asking for a confirmation by mail takes. */
export type ValidationDeps = Pick<LoginParts, 'database' | 'mail' | 'config' | 'serverName' | 'now' | 'randomId'>
/** What looking at one takes. */
export type ProofDeps = Pick<LoginParts, 'database' | 'now'>

const lifetimeMs = 60 * 60_000
/** Mails that one address gets within that time, whoever asks. */
const mostMails = 5

export interface ValidationRequest {
  readonly purpose: Purpose
  readonly email: string
  readonly clientSecret: string
  readonly sendAttempt: number
  /** Who asks, where that is known. */
  readonly user: number | undefined
  readonly language: string
}

const checkSecret = (secret: string): string => {
  if (!/^[0-9a-zA-Z.=_-]{1,255}$/.test(secret))
    throw new MatrixError('M_INVALID_PARAM', '"client_secret" must be 1 to 255 letters, digits and ". = _ -"')
  return secret
}

/** Whom a confirmation of the address would be for. @throws MatrixError M_THREEPID_IN_USE, M_THREEPID_NOT_FOUND */
const subjectOf = async (
  { database }: Pick<LoginParts, 'database'>,
  { purpose, user }: ValidationRequest,
  address: string,
): Promise<number | null> => {
  const owner = await readOwner(database.read, address)
  if (purpose === 'password') {
    if (owner === undefined) throw new MatrixError('M_THREEPID_NOT_FOUND', 'No account here has this mail address')
    return owner
  }
  if (owner !== undefined) throw new MatrixError('M_THREEPID_IN_USE', 'An account here has this mail address')
  return user ?? null
}

/**
 * Sends a mail with a link that shows that its reader asked for it. Returns the name of the validation.
 * @throws MatrixError M_THREEPID_MEDIUM_NOT_SUPPORTED, M_INVALID_PARAM, M_THREEPID_IN_USE, M_THREEPID_NOT_FOUND, M_LIMIT_EXCEEDED
 */
export const requestValidation = async (context: ValidationDeps, request: ValidationRequest): Promise<string> => {
  const { mail, config, database } = context
  if (!mail) throw new MatrixError('M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server sends no mail')
  const address = parseAddress(request.email)
  const secretHash = hashToken(checkSecret(request.clientSecret))
  const subject = await subjectOf(context, request, address)
  const token = context.randomId()
  return database.write(async (tx) => {
    const now = context.now()
    await deleteExpired(tx, now)
    const known = await readValidation(tx, request.purpose, address, secretHash)
    if (known && known.user_nid !== subject)
      throw new MatrixError('M_INVALID_PARAM', 'This "client_secret" has been used by another user')
    if (known && known.send_attempt >= request.sendAttempt) return known.sid
    if ((await countSent(tx, address)) >= mostMails) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'This address has been sent enough mail for now', {
        retryAfterMs: lifetimeMs,
      })
    }
    const sid = known?.sid ?? context.randomId().slice(0, 32)
    await saveValidation(tx, {
      sid,
      purpose: request.purpose,
      address,
      secret_hash: secretHash,
      user_nid: subject,
      token_hash: hashToken(token),
      send_attempt: request.sendAttempt,
      sent: (known?.sent ?? 0) + 1,
      validated_ts: known?.validated_ts ?? null,
      expires_ts: now + lifetimeMs,
    })
    const link = `${config.public_base_url ?? ''}/_latchkey/email/confirm?token=${token}`
    await mail.send(
      tx,
      validationMail(mailTexts(request.language), {
        to: address,
        server: context.serverName,
        purpose: request.purpose,
        link,
      }),
    )
    return sid
  })
}

/** What a client brings to show that an address was confirmed. */
export interface Credentials {
  readonly sid: string
  readonly clientSecret: string
}

const failed = (): MatrixError =>
  new MatrixError('M_THREEPID_AUTH_FAILED', 'This mail address has not been confirmed, or that has been used already')

const checkValid = (
  row: ValidationRow | undefined,
  { clientSecret }: Credentials,
  purpose: Purpose,
  user: number | undefined,
  now: number,
) => {
  if (
    !row ||
    row.purpose !== purpose ||
    row.secret_hash !== hashToken(clientSecret) ||
    row.validated_ts === null ||
    row.expires_ts <= now
  )
    throw failed()
  if (user !== undefined && row.user_nid !== null && row.user_nid !== user) throw failed()
  return { address: row.address, user: row.user_nid, validated: row.validated_ts }
}

/** An address that was confirmed: when, in ms, and for whom, where that was known. */
export type Proof = ReturnType<typeof checkValid>

/** Looks whether an address was confirmed for this purpose and user, without using that up. @throws MatrixError M_THREEPID_AUTH_FAILED */
export const checkProof = async (
  context: ProofDeps,
  credentials: Credentials,
  purpose: Purpose,
  user?: number,
): Promise<void> => {
  checkValid(await readValidationOf(context.database.read, credentials.sid), credentials, purpose, user, context.now())
}

/** Uses a confirmation up: it is good for one thing, once. @throws MatrixError M_THREEPID_AUTH_FAILED */
export const takeProof = (
  context: ProofDeps,
  credentials: Credentials,
  purpose: Purpose,
  user?: number,
): Promise<Proof> =>
  context.database.write(async (tx) => {
    const proof = checkValid(await readValidationOf(tx, credentials.sid), credentials, purpose, user, context.now())
    // The address may have changed hands since the mail was sent.
    if (purpose === 'password' && (await readOwner(tx, proof.address)) !== proof.user) throw failed()
    await deleteValidation(tx, credentials.sid)
    return proof
  })

/** What was proven by the stage, of what confirming a request returned. */
export const proofIn = (notes: ReadonlyMap<string, string>): Proof | undefined => {
  const note = notes.get(emailStageType)
  // Only the stage writes it.
  return note === undefined ? undefined : (JSON.parse(note) as Proof)
}

/** A mail address, confirmed for this purpose. The proof is in what confirming the request returns: see `proofIn`. */
export const emailStage = (context: ProofDeps, purpose: Purpose): Stage => ({
  type: emailStageType,
  verify: async (auth) => {
    const credentials = own(auth, 'threepid_creds') ?? own(auth, 'threepidCreds')
    if (!isObject(credentials)) throw new MatrixError('M_MISSING_PARAM', '"threepid_creds" is missing')
    return JSON.stringify(
      await takeProof(
        context,
        { sid: requiredText(credentials, 'sid'), clientSecret: requiredText(credentials, 'client_secret') },
        purpose,
      ),
    )
  },
})
