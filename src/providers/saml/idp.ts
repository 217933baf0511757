import { readFileSync } from 'node:fs'
import { OutgoingError } from '../../http/index.ts'
import { Problem } from '../problem.ts'
import { certificateOf, type IdpDescription, readMetadata } from './metadata.ts'
import type { SamlConfig, SamlDeps } from './deps.ts'

/** What learning of the provider takes. */
export type IdpDeps = Pick<SamlDeps, 'outgoing' | 'now'>

/** What is known of the provider, kept up to date. */
export interface IdpSource {
  /** @throws Problem */
  (): Promise<IdpDescription>
  /** Asks again, unless that was done just now: a signature fits none of the known keys. Undefined when nothing new is known. */
  again(): Promise<IdpDescription | undefined>
}

/** How long metadata are believed before they are read again. */
const freshMs = 60 * 60_000
/** So that nobody can drive the requests with responses that are signed by anything. */
const cooldownMs = 60_000
const largest = 8 * 1024 * 1024

const fixed = (description: IdpDescription): IdpSource =>
  Object.assign(() => Promise.resolve(description), { again: () => Promise.resolve(undefined) })

const published = (config: SamlConfig, url: string, { outgoing, now }: IdpDeps): IdpSource => {
  let held: { at: number; found: IdpDescription } | undefined
  let asked = -Infinity
  let asking: Promise<IdpDescription> | undefined
  const ask = async (): Promise<IdpDescription> => {
    asked = now()
    const reply = await outgoing(url, {
      configured: true,
      maxBytes: largest,
      headers: { accept: 'application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1' },
    })
    if (reply.status !== 200)
      throw new Problem('provider_unreachable', `The provider answered ${reply.status} instead of its metadata`)
    held = { at: now(), found: readMetadata(reply.body.toString(), config.entity_id, now()) }
    return held.found
  }
  const once = (): Promise<IdpDescription> =>
    (asking ??= ask().finally(() => {
      asking = undefined
    }))
  const current = async (): Promise<IdpDescription> => {
    if (held && now() - held.at < freshMs) return held.found
    try {
      return await once()
    } catch (error) {
      if (held) return held.found
      if (error instanceof OutgoingError)
        throw new Problem('provider_unreachable', `The provider's metadata cannot be had: ${error.message}`, {
          cause: error,
        })
      throw error
    }
  }
  return Object.assign(current, {
    again: async () => {
      if (now() - asked < cooldownMs && !asking) return undefined
      return once().catch(() => undefined)
    },
  })
}

/** Where the configuration says what is known of the provider. @throws Error for a file that cannot be read, Problem for one that makes no sense */
export const idpSource = (config: SamlConfig, deps: IdpDeps): IdpSource => {
  if (config.metadata_url !== undefined) return published(config, config.metadata_url, deps)
  if (config.metadata_file !== undefined)
    return fixed(readMetadata(readFileSync(config.metadata_file, 'utf8'), config.entity_id, deps.now()))
  return fixed({
    entityId: config.entity_id ?? '',
    signOn: config.sign_on_url ?? '',
    certificates: (config.certificate ?? []).map(certificateOf),
  })
}
