// What the tests of this folder share.
import { DatabaseSync } from 'node:sqlite'
import type { NetworkServer } from '../../test/harness/federation.ts'

/**
 * Puts somebody of another server into a room, as if they had joined: for tests of what needs members elsewhere and no events of theirs.
 * The server is on a SQLite file, and is started anew.
 */
export async function addMember(server: NetworkServer, roomId: string, userId: string): Promise<void> {
  const url = server.homeserver.config.database
  await server.stop()
  const db = new DatabaseSync(url.slice('sqlite:'.length))
  db.prepare('insert into users (user_id) values (?) on conflict do nothing').run(userId)
  db.prepare(
    `insert into memberships (room_nid, user_nid, membership, event_nid, position, sender_nid)
     select rooms.nid, users.nid, 'join', 1, 1, users.nid from rooms, users where rooms.room_id = ? and users.user_id = ?
     on conflict do update set membership = 'join'`,
  ).run(roomId, userId)
  db.prepare('update rooms set joined_members = joined_members + 1 where room_id = ?').run(roomId)
  db.close()
  await server.start()
}
