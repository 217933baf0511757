import type { Database } from '../../storage/index.ts'
import type { Log, LogTx } from '../../streams/index.ts'
import type { DeviceListNews } from '../list-changes.ts'
import { readSignatureChanges, saveSignatureChange } from '../store/cross-signing.ts'

/** Who signed whose keys: news for the signer's own clients alone. */
export interface SignedNews {
  /** Tells the signer's clients, with the write. */
  announce(tx: LogTx, signer: number, targets: readonly number[]): Promise<void>
  /** The users whose keys the signer signed in `(since, until]`; without a promise when memory goes back that far. */
  since(signer: number, since: number, until: number): readonly number[] | Promise<readonly number[]>
}

interface Signed {
  readonly position: number
  readonly signer: number
  readonly targets: readonly number[]
}

const kept = 5_000
const none: readonly number[] = []

export function openSignedNews(database: Database, log: Log): SignedNews {
  let start = log.now
  let news: Signed[] = []
  log.listen((entry) => {
    if (entry.kind !== 'device_list') return
    const signed = (entry.data as DeviceListNews | undefined)?.signed // entries of this kind carry that or nothing
    if (!signed) return
    news.push({ position: entry.position, ...signed })
    if (news.length <= 2 * kept) return
    start = news[kept - 1]?.position ?? start
    news = news.slice(kept)
  })
  return {
    announce: async (tx, signer, targets) => {
      const data: DeviceListNews = { deleted: [], signed: { signer, targets } }
      const position = tx.append({ kind: 'device_list', wake: [signer], data })
      for (const target of targets) await saveSignatureChange(tx.sql, signer, target, position)
    },
    since: (signer, since, until) => {
      if (since < start) return readSignatureChanges(database.read, signer, since, until)
      if ((news.at(-1)?.position ?? 0) <= since) return none
      return news
        .filter((signed) => signed.signer === signer && signed.position > since && signed.position <= until)
        .flatMap((signed) => signed.targets)
    },
  }
}
