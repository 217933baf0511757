import { createPrivateKey, X509Certificate } from 'node:crypto'
import type { Config, Finding } from '../../config/index.ts'
import { error, warning } from '../../config/findings.ts'
import { certificateOf, readMetadata } from './metadata.ts'
import { readFileSync } from 'node:fs'
import type { SamlConfig } from './deps.ts'

const messageOf = (fault: unknown): string => (fault instanceof Error ? fault.message : 'unknown')

const checkIdp = (config: SamlConfig, path: string, now: number): Finding[] => {
  const ways = [config.metadata_url, config.metadata_file, config.sign_on_url].filter((way) => way !== undefined).length
  if (ways !== 1)
    return [
      error(
        path,
        `"${path}" must say by one way who the provider is, and says it by ${ways}`,
        'Set metadata_url, or metadata_file, or else sign_on_url with entity_id and certificate',
      ),
    ]
  if (config.metadata_file !== undefined) {
    try {
      const { until } = readMetadata(readFileSync(config.metadata_file, 'utf8'), config.entity_id)
      // Not what the operator has written: it comes by itself, some night. Everybody else is to come in.
      if (until && until.ms <= now)
        return [
          warning(
            `${path}.metadata_file`,
            `The metadata ran out at ${until.text}: nobody can sign in by "${config.id}"`,
            'Get them from the provider anew; the server reads the file by itself',
          ),
        ]
    } catch (fault) {
      return [
        error(
          `${path}.metadata_file`,
          `The metadata cannot be used: ${messageOf(fault)}`,
          'Get them from the provider anew',
        ),
      ]
    }
  }
  if (config.sign_on_url === undefined) {
    return config.certificate === undefined
      ? []
      : [error(`${path}.certificate`, "The provider's keys are in its metadata", 'Take certificate out')]
  }
  return [
    ...(config.entity_id === undefined
      ? [
          error(
            `${path}.entity_id`,
            `"${path}.entity_id" is missing`,
            'Set it to the name that the provider gives itself',
          ),
        ]
      : []),
    ...(config.certificate === undefined
      ? [error(`${path}.certificate`, `"${path}.certificate" is missing`, 'Set it to what the provider signs with')]
      : []),
    ...(config.certificate ?? []).flatMap((text, index) => {
      try {
        certificateOf(text)
        return []
      } catch (fault) {
        return [
          error(
            `${path}.certificate[${index}]`,
            `The certificate cannot be used: ${messageOf(fault)}`,
            'Get the signing certificate of the provider, as PEM',
          ),
        ]
      }
    }),
  ]
}

const checkRequests = ({ request_key: key, request_certificate: certificate }: SamlConfig, path: string): Finding[] => {
  if (key === undefined && certificate === undefined) return []
  if (key === undefined || certificate === undefined) {
    return [
      error(
        `${path}.request_${key === undefined ? 'key' : 'certificate'}`,
        'request_key and request_certificate belong together',
        'Set both, or none',
      ),
    ]
  }
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return []
    return [
      error(
        `${path}.request_certificate`,
        'request_certificate is not that of request_key',
        'Make both anew: openssl req -x509 -newkey rsa:3072 -nodes -days 3650 -subj /CN=latchkey -keyout key.pem -out certificate.pem',
      ),
    ]
  } catch (fault) {
    return [
      error(
        `${path}.request_key`,
        `The key or its certificate cannot be read: ${messageOf(fault)}`,
        'Both must be PEM',
      ),
    ]
  }
}

const checkPlain = (config: SamlConfig, path: string): Finding[] => {
  const [key, address] =
    config.metadata_url === undefined
      ? (['sign_on_url', config.sign_on_url] as const)
      : (['metadata_url', config.metadata_url] as const)
  if (
    address === undefined ||
    !address.startsWith('http:') ||
    /^(localhost|127\.|\[::1\])/.test(new URL(address).hostname)
  )
    return []
  return [
    warning(
      `${path}.${key}`,
      `"${path}.${key}" is not encrypted: whoever is on the way can sign in as anybody`,
      'Use https://',
    ),
  ]
}

/** What `config check` and the start say about providers of type `saml`. */
export const samlChecks = (
  { identity_providers: entries }: Pick<Config, 'identity_providers'>,
  now: number,
): Finding[] =>
  entries.flatMap((entry, index) => {
    const path = `identity_providers[${index}]`
    return entry.type === 'saml'
      ? [...checkIdp(entry, path, now), ...checkRequests(entry, path), ...checkPlain(entry, path)]
      : []
  })
