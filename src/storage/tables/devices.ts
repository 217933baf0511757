import type { Generated } from 'kysely'

export interface DevicesTable {
  nid: number
  user_nid: number
  device_id: string
  display_name: string | null
  created_ts: number
  last_seen_ts: number
  last_seen_ip: string | null
  user_agent: string | null
  /** A sync that could not hand over all messages at once: its token, and the last message that it did hand over. */
  cut_token: number | null
  cut_position: number | null
}

/** When the devices of a user last changed. */
export interface DeviceListChangesTable {
  user_nid: number
  position: number
}

/** Messages that wait for a device. */
export interface ToDeviceTable {
  device_nid: number
  position: number
  /** JSON of the event as the client gets it; empty where all devices of the user get the same. */
  json: string
}

/** Messages that wait for several devices of a user, by the position that they were sent at. */
export interface ToDeviceSharedTable {
  user_nid: number
  position: number
  json: string
}

/** Sends of a device that were done, so that a repeated one does nothing. */
export interface ToDeviceTxnsTable {
  /** Short id of the device; a token without one counts by its own id, negative. */
  sender: number
  type: string
  txn_id: string
  created_ts: number
}

/** What a device says of itself and signs: its identity keys. */
export interface DeviceKeysTable {
  device_nid: number
  user_nid: number
  /** Canonical JSON without its signatures, which are in `key_signatures`. */
  json: string
}

/** Keys to begin a conversation with a device, each given out once. */
export interface OneTimeKeysTable {
  /** In the order of upload. */
  nid: Generated<number>
  device_nid: number
  algorithm: string
  key_id: string
  /** Canonical JSON. */
  json: string
  /** 1 when it was given out; kept for a while, so that an upload that is repeated does not bring it back. */
  claimed: number
}

/** What is given out when a device has no one-time key left. */
export interface FallbackKeysTable {
  device_nid: number
  algorithm: string
  key_id: string
  json: string
  /** 1 since it was given out. */
  used: number
}

export interface CrossSigningKeysTable {
  user_nid: number
  /** `master`, `self_signing` or `user_signing`. */
  usage: string
  /** Unpadded base64. */
  public_key: string
  /** Canonical JSON without its signatures. */
  json: string
}

/** Verified signatures of device keys and cross-signing keys. */
export interface KeySignaturesTable {
  target_nid: number
  /** Device id, or public key of a cross-signing key: the two never coincide within a user. */
  target: string
  signer_nid: number
  /** Key id with its algorithm: `ed25519:…`. */
  signer: string
  signature: string
}

/** When a user last signed another's keys, which nobody else is told. */
export interface KeySignatureChangesTable {
  signer_nid: number
  target_nid: number
  position: number
}

export interface KeyBackupsTable {
  user_nid: number
  /** Counts up for each user, and is never given again. */
  version: number
  algorithm: string
  /** JSON. */
  auth_data: string
  /** Counts up with every change of its keys. */
  etag: number
  keys: number
  /** Of the keys' `session_data`. */
  bytes: number
  /** 1 when it was deleted; the row of the newest stays so that its version does. */
  deleted: number
}

export interface BackedUpKeysTable {
  user_nid: number
  version: number
  room_id: string
  session_id: string
  first_message_index: number
  forwarded_count: number
  is_verified: number
  /** JSON, encrypted by the client. */
  session_data: string
}

/** Devices that only receive keys, for a client that comes later. */
export interface DehydratedDevicesTable {
  user_nid: number
  device_nid: number
  /** JSON, encrypted by the client. */
  data: string
}
