import { announceChange } from './announce.ts'
import { openBackupKeys, type BackupKeys } from './backup/keys.ts'
import { openBackupVersions, type BackupVersions } from './backup/versions.ts'
import { openCrossSigning, type CrossSigning } from './cross-signing/cross-signing.ts'
import { openSignedNews } from './cross-signing/signed-news.ts'
import { openDehydrated, type Dehydrated, type DehydratedDeps } from './dehydrated/dehydrated.ts'
import type { DevicesDeps } from './deps.ts'
import { openKeyBook, type UserKeys } from './keys/book.ts'
import { openCounts } from './keys/counts.ts'
import { openKeys, type Keys } from './keys/keys.ts'
import { deleteCrossSigning } from './store/cross-signing.ts'

/** What this server does for encryption between clients: it keeps public keys, and what clients have encrypted for themselves. */
export interface Encryption {
  readonly keys: Keys
  readonly crossSigning: CrossSigning
  readonly backup: { readonly versions: BackupVersions; readonly keys: BackupKeys }
  readonly dehydrated: Dehydrated
  /** The public keys of a user of this server, as JSON texts. */
  publicKeys(user: number): UserKeys | Promise<UserKeys>
  /** Deletes what a user who is gone for good has published and backed up, besides what belongs to devices. */
  forgetUser(user: number): Promise<void>
}

export interface EncryptionParts extends Encryption {
  /** To be called once devices are gone: nothing of them stays in memory. */
  forget(devices: readonly number[]): void
}

/** @param devices how devices are made and deleted */
export function openEncryption(
  deps: DevicesDeps,
  devices: Pick<DehydratedDeps, 'toDevice' | 'make' | 'remove'>,
): EncryptionParts {
  const { database, log, users } = deps
  const book = openKeyBook(database, log, (user) => users.nameOf(user))
  const counts = openCounts(database)
  const backup = { versions: openBackupVersions(database), keys: openBackupKeys(database) }
  return {
    keys: openKeys({ ...deps, book, counts }),
    crossSigning: openCrossSigning({ ...deps, news: openSignedNews(database, log) }),
    publicKeys: (user) => book.of(user),
    backup,
    dehydrated: openDehydrated({ database, log, counts, ...devices }),
    forgetUser: async (user) => {
      await log.write(async (tx) => {
        await deleteCrossSigning(tx.sql, user)
        await announceChange(tx, user)
      })
      await backup.versions.deleteAll(user)
    },
    forget: (gone) => {
      for (const device of gone) counts.changed(device)
    },
  }
}
