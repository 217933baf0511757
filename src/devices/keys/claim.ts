import type { Tx } from '../../storage/index.ts'
import { claimFallbackKey, claimOneTimeKey } from '../store/one-time-keys.ts'

/** A key that somebody wants: of this device, of this algorithm. */
export interface WantedKey {
  readonly user: number
  readonly userId: string
  readonly deviceId: string
  readonly algorithm: string
}

/** A key that somebody got. */
export interface ClaimedKey extends WantedKey {
  readonly device: number
  readonly keyId: string
  /** JSON text. */
  readonly json: string
}

/**
 * Gives out one key for each that is wanted and can be had: the oldest one-time key, which nobody gets again, or else the
 * fallback key. Writes run one after another, so two never find the same key.
 */
export async function claimKeys(tx: Tx, wanted: readonly WantedKey[]): Promise<ClaimedKey[]> {
  const claimed: ClaimedKey[] = []
  for (const one of wanted) {
    const row = (await claimOneTimeKey(tx, one)) ?? (await claimFallbackKey(tx, one))
    if (row) claimed.push({ ...one, device: row.device_nid, keyId: row.key_id, json: row.json })
  }
  return claimed
}
