import { ConfigError, type Check, type Config, type Finding } from '../config/index.ts'
import { findingAt } from '../config/finding.ts'
import { readRegistration, type ReadRegistration, type Registration } from './registration.ts'

type Files = Pick<Config, 'app_service_config_files' | 'server_name'>

const same = { id: 'id', asToken: 'as_token', hsToken: 'hs_token' } as const

/** What two files share that each must have for itself: by these it is known who asks. */
function clashes(earlier: readonly ReadRegistration[], { registration, at }: ReadRegistration, key: string): Finding[] {
  return (['id', 'asToken', 'hsToken'] as const).flatMap((name) => {
    const other = earlier.find((one) => one.registration[name] === registration[name])
    if (!other) return []
    return [
      findingAt(
        at[name],
        'error',
        key,
        `"${same[name]}" is that of ${other.at[name].file ?? 'another registration'}, too.`,
        'Each application service has its own: make this registration anew.',
      ),
    ]
  })
}

function readAll(config: Files): { registrations: Registration[]; findings: Finding[] } {
  const found: ReadRegistration[] = []
  const findings: Finding[] = []
  config.app_service_config_files.forEach((file, index) => {
    const key = `app_service_config_files[${index}]`
    const { read, findings: own } = readRegistration(file, key, config.server_name)
    findings.push(...own)
    if (!read) return
    findings.push(...clashes(found, read, key))
    found.push(read)
  })
  return { registrations: found.map(({ registration }) => registration), findings }
}

/** Whether the registration files can be used, for `config check`. */
export const registrationChecks: Check = (config) => readAll(config).findings

/** The application services that the configuration names. @throws {ConfigError} with all that is wrong with their files */
export function loadRegistrations(config: Files): readonly Registration[] {
  const { registrations, findings } = readAll(config)
  if (findings.some(({ level }) => level === 'error')) throw new ConfigError(findings)
  return registrations
}
