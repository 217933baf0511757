/** How far each application service has been told of what happens. */
export interface AppservicesTable {
  /** Of its registration. */
  id: string
  /** Begins its transaction ids, so that those of another database are not taken for these. */
  epoch: string
  /** Everything up to here has been taken in by it, or is of no interest to it. */
  position: number
  /** Number of the newest transaction. */
  txn: number
  /** What the newest transaction holds, word for word, until it has been taken; null: it has been. */
  body: string | null
  /** The position that is reached once it has been taken. */
  body_position: number
}

/** Rooms that application services list in directories of other networks. */
export interface AppserviceRoomsTable {
  appservice: string
  network: string
  room_nid: number
}
