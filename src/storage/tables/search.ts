/** The full-text index: a virtual table of FTS5, or a table with a tsvector. See history/search/. */
export interface SearchIndexTable {
  /** Twice the short id of an event for its own text, one more for that of its newest edit. */
  rowid: number
  /** SQLite alone: where the text stands, as words. */
  place: string
  words: string
}

/** Which event an edit in the index belongs to, also when the edit was redacted and does not tell any more. */
export interface SearchEditsTable {
  edit_nid: number
  target_nid: number
}
