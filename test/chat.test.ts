import { after, test } from 'node:test'
import { databases } from './harness/postgres.ts'
import { startServer } from './harness/server.ts'
import { story } from './story.ts'

for (const db of databases) {
  test(`two people get to know each other, talk, part and come back, through an unmodified client library (${db.name})`, async () => {
    const database = await db.open()
    try {
      await using server = await startServer({ database: database.url })
      await story(server.url)
    } finally {
      await database.dispose()
    }
  })
}

// The library leaves timers behind when a client stops, the longest of six hours; they would keep this process waiting.
after(() => {
  setTimeout(() => process.exit(), 500).unref()
})
