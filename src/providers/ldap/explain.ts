import type { Policy } from '../../identity/index.ts'
import { type Explanation, explainIdentity } from '../explain.ts'
import type { Directory } from './directory.ts'

const fixes: Record<string, string> = {
  not_found:
    'Compare login_attributes, base and filter with the entry: ldapsearch as bind_dn shows what the service sees',
  ambiguous: 'Name fewer login_attributes, or let filter tell the entries apart: a name has to be that of one entry',
  no_subject:
    'Set subject_attribute to what every entry has one of for good: entryUUID, objectGUID, ipaUniqueID or nsUniqueId, and let bind_dn read it',
}

/**
 * Says what would become of somebody of a directory who brings the right password. Changes nothing, and needs no password.
 * @throws DirectoryError when the directory cannot be asked
 */
export const explainPerson = async (
  directory: Directory,
  policy: Policy,
  serverName: string,
  username: string,
): Promise<Explanation> => {
  const { person, refused } = await directory.find({ username })
  const base = { provider: directory.id, header: {}, claims: person?.claims ?? {} }
  if (!person) {
    const fix = fixes[refused.code] ?? 'Look at the log of the directory'
    return {
      ...base,
      accepted: false,
      key: undefined,
      steps: [{ rule: 'entry', found: refused.reason }],
      user: undefined,
      takes: {},
      code: 'not_found',
      problem: refused.reason,
      fix,
    }
  }
  const steps = [
    { rule: 'entry' as const, found: `${person.dn} at ${person.url}` },
    { rule: 'subject' as const, found: person.subject },
  ]
  return explainIdentity(
    base,
    policy,
    { identity: { provider: directory.id, subject: person.subject, claims: person.claims }, steps, key: undefined },
    serverName,
  )
}
