import type { Config, Finding } from '../../config/index.ts'
import { LanguageError, parseTemplate, type Template } from '../claims/index.ts'
import { error, warning } from '../../config/findings.ts'

/** What the operator has settled about a provider that manages accounts by SCIM. */
export interface ScimSettings {
  /** The provider's id. */
  readonly provider: string
  /** Any of these proves that it is the provider. */
  readonly tokens: readonly string[]
  /** What somebody is called at a sign-in, by what SCIM says of them. */
  readonly subject: readonly Template[]
  readonly inactive: 'lock' | 'deactivate'
  readonly deleted: 'lock' | 'deactivate'
}

type Entry = Config['identity_providers'][number]

const shortestToken = 32

const settingsOf = (entry: Entry, path: string): { settings: ScimSettings | undefined; findings: Finding[] } => {
  const findings: Finding[] = []
  const { token: tokens, subject, inactive, deleted, groups } = entry.scim
  if (!tokens) return { settings: undefined, findings }
  tokens.forEach((token, index) => {
    if (!/^[\x21-\x7e]*$/.test(token))
      findings.push(
        error(
          `${path}.scim.token[${index}]`,
          'The token has a character that no header can have',
          'Make one with "openssl rand -hex 32"',
        ),
      )
    if (token.length < shortestToken)
      findings.push(
        error(
          `${path}.scim.token[${index}]`,
          `The token has fewer than ${shortestToken} characters: it could be guessed`,
          'Make one with "openssl rand -hex 32"',
        ),
      )
  })
  const templates = subject.flatMap((text, index) => {
    try {
      return [parseTemplate(text)]
    } catch (fault) {
      if (!(fault instanceof LanguageError)) throw fault
      findings.push(
        error(
          `${path}.scim.subject[${index}]`,
          `The template ${JSON.stringify(text)} cannot be read: ${fault.message}`,
          'docs/topics/identities.md shows how it is written',
        ),
      )
      return []
    }
  })
  if (!groups && entry.groups.rooms.length === 0)
    findings.push(
      warning(
        `${path}.scim.groups`,
        'No group has a room, whoever says what groups there are',
        'Take it out, or add groups.rooms',
      ),
    )
  return { settings: { provider: entry.id, tokens, subject: templates, inactive, deleted }, findings }
}

/** The providers that manage accounts by SCIM, and what is to be said about them. */
export const scimSettings = ({
  identity_providers: entries,
}: Pick<Config, 'identity_providers'>): { settings: ScimSettings[]; findings: Finding[] } => {
  const made = entries.map((entry, index) => settingsOf(entry, `identity_providers[${index}]`))
  return {
    settings: made.flatMap(({ settings }) => settings ?? []),
    findings: made.flatMap(({ findings }) => findings),
  }
}

/** What `config check` and the start say about SCIM. */
export const scimChecks = (config: Pick<Config, 'identity_providers'>): Finding[] => scimSettings(config).findings
