import { isObject } from '../matrix/json.ts'
import type { Database } from '../storage/index.ts'
import { addAuditEntry, type AuditEntry, deleteOldestEntries } from './store/audit.ts'

/** What administrators did, kept for those who have to answer for it. */
export interface Audit {
  /** Resolves once it is on the disk. */
  note(entry: Omit<AuditEntry, 'nid' | 'ts' | 'detail'> & { readonly detail?: unknown }): Promise<void>
}

const longestDetail = 2000
const longestTarget = 500
/** Older entries go first. */
const most = 1_000_000

const secrets = new Set(['password', 'new_password', 'access_token', 'mac', 'token'])

/** What was asked for, without what nobody may read later. */
function withoutSecrets(detail: unknown): unknown {
  if (Array.isArray(detail)) return detail.map(withoutSecrets)
  if (!isObject(detail)) return detail
  const shown: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(detail))
    if (value !== undefined) shown[key] = secrets.has(key) ? '…' : withoutSecrets(value)
  return shown
}

export function openAudit({ database, now }: { database: Database; now: () => number }): Audit {
  let noted = 0
  return {
    note: async ({ detail, target, ...entry }) => {
      const text = JSON.stringify(withoutSecrets(detail ?? {})).slice(0, longestDetail)
      const trim = noted++ % 1000 === 0
      await database.write(async (tx) => {
        await addAuditEntry(tx, { ...entry, target: target.slice(0, longestTarget), ts: now(), detail: text })
        if (trim) await deleteOldestEntries(tx, most)
      })
    },
  }
}
