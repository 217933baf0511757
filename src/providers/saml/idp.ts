import { readFile } from 'node:fs/promises'
import { OutgoingError } from '../../http/index.ts'
import { Problem } from '../problem.ts'
import { certificateOf, type IdpDescription, readMetadata, stillGood } from './metadata.ts'
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

/** What the configuration says outright. */
const fixed = (description: IdpDescription): IdpSource =>
  Object.assign(() => Promise.resolve(description), { again: () => Promise.resolve(undefined) })

/**
 * Metadata that are read when they are needed, and anew after a while, or when they have run out. Those that were good last are kept while
 * new ones cannot be had, but not beyond their own time.
 * @param read throws a Problem where they cannot be had
 */
const readBy = (read: () => Promise<IdpDescription>, now: () => number): IdpSource => {
  let held: { at: number; found: IdpDescription } | undefined
  let asked = -Infinity
  let asking: Promise<IdpDescription> | undefined
  const ask = async (): Promise<IdpDescription> => {
    asked = now()
    held = { at: now(), found: stillGood(await read(), now()) }
    return held.found
  }
  const once = (): Promise<IdpDescription> =>
    (asking ??= ask().finally(() => {
      asking = undefined
    }))
  const current = async (): Promise<IdpDescription> => {
    const isGood = held !== undefined && (held.found.until?.ms ?? Infinity) > now()
    if (held && isGood && now() - held.at < freshMs) return held.found
    try {
      return await once()
    } catch (error) {
      if (held && isGood) return held.found
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

const fetched = async (config: SamlConfig, url: string, { outgoing }: IdpDeps): Promise<IdpDescription> => {
  try {
    const reply = await outgoing(url, {
      configured: true,
      maxBytes: largest,
      headers: { accept: 'application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1' },
    })
    if (reply.status !== 200)
      throw new Problem('provider_unreachable', `The provider answered ${reply.status} instead of its metadata`)
    return readMetadata(reply.body.toString(), config.entity_id)
  } catch (error) {
    if (!(error instanceof OutgoingError)) throw error
    throw new Problem('provider_unreachable', `The provider's metadata cannot be had: ${error.message}`, {
      cause: error,
    })
  }
}

const inFile = async (config: SamlConfig, file: string): Promise<IdpDescription> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : 'unknown'
    throw new Problem('provider_failed', `The provider's metadata cannot be read: ${why}`, { cause: error })
  })
  return readMetadata(text, config.entity_id)
}

/** Where the configuration says what is known of the provider. */
export const idpSource = (config: SamlConfig, deps: IdpDeps): IdpSource => {
  const { metadata_url: url, metadata_file: file } = config
  if (url !== undefined) return readBy(() => fetched(config, url, deps), deps.now)
  if (file !== undefined) return readBy(() => inFile(config, file), deps.now)
  return fixed({
    entityId: config.entity_id ?? '',
    signOn: config.sign_on_url ?? '',
    certificates: (config.certificate ?? []).map(certificateOf),
  })
}
