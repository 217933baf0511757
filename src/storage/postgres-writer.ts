import type { Client, QueryConfig, QueryResult } from 'pg'
import { databaseAway, isAway, isNul, nulRefused } from './away.ts'
import type { Row, Rows } from './dialect.ts'
import type { Transactions } from './group-commit.ts'

/** How many transactions are sent with care after one that failed by a statement whose answer nobody had waited for. */
const carefulFor = 100

/** What clients are told of a statement that failed. */
export function refusal(error: unknown): unknown {
  if (isAway(error)) return databaseAway(error)
  return isNul(error) ? nulRefused(error) : error
}

type Statement = Pick<QueryConfig<unknown[]>, 'text' | 'name' | 'values'>

export interface PostgresWriter extends Transactions {
  /** Sends a statement behind all before it, and waits for its answer. */
  execute(statement: Statement): Promise<Rows>
  /** Sends a statement with the next that is waited for, or at the end of the change. */
  later(statement: Statement): void
}

/**
 * The transactions of the writing connection, pipelined: a statement is sent without waiting for the answers to those before it, so
 * that a group of changes which ask nothing of the database costs one journey there and back, whatever is in it. A change gets a
 * savepoint when it first asks something; until then, undoing it is not to send it.
 *
 * Where a statement fails whose answer nobody waited for, the whole transaction does. So that one bad change does not spoil
 * those of others again and again, the transactions after it wait for each change by itself for a while.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export function postgresWriter(connect: () => Promise<Client>): PostgresWriter {
  let client: Client | undefined
  let isWriting = false
  /** Whether BEGIN was sent. */
  let isOpen = false
  /** Answers that nobody has waited for yet, none of which rejects. */
  let unread: Promise<void>[] = []
  let failure: { error: unknown } | undefined
  /** Statements of the change that is being made, which are not sent yet. */
  let held: Statement[] = []
  let marked = false
  let careful = 0

  const query = async (statement: Statement): Promise<QueryResult<Row>> => {
    client ??= await connect()
    return client.query<Row>(statement)
  }
  const send = (statement: Statement): void => {
    if (!isOpen) {
      isOpen = true
      send({ text: 'BEGIN' })
    }
    const answer = query(statement).then(
      () => {},
      (error: unknown) => {
        failure ??= { error }
      },
    )
    unread.push(answer)
  }
  const sendHeld = (): void => {
    for (const statement of held) send(statement)
    held = []
  }
  const mark = (): void => {
    if (!marked) send({ text: 'SAVEPOINT change' })
    marked = true
    sendHeld()
  }
  /** @throws what failed of the statements that were sent */
  const settle = async (): Promise<void> => {
    await Promise.all(unread)
    unread = []
    if (failure) throw refusal(failure.error)
  }
  const rollback = async (): Promise<void> => {
    const wasOpen = isOpen
    ;[held, isOpen, isWriting] = [[], false, false]
    if (wasOpen) await query({ text: 'ROLLBACK' })
  }

  return {
    async execute(statement) {
      if (isWriting) mark()
      try {
        const { rows, rowCount } = await query(statement)
        return { rows, affected: rowCount ?? 0 }
      } catch (error) {
        throw failure?.error ?? error
      }
    },
    later(statement) {
      held.push(statement)
    },
    async begin() {
      try {
        client = await connect()
      } catch (error) {
        throw refusal(error)
      }
      ;[unread, failure, isWriting, isOpen] = [[], undefined, true, false]
    },
    change() {
      ;[marked, held] = [false, []]
    },
    async keep() {
      if (careful > 0 && held.length > 0) {
        mark()
        await settle()
      }
      sendHeld()
      if (marked) send({ text: 'RELEASE change' })
    },
    undo() {
      held = []
      if (!marked) return
      // What has failed of this change alone is undone with it.
      if (careful > 0) failure = undefined
      send({ text: 'ROLLBACK TO change' })
      send({ text: 'RELEASE change' })
    },
    async commit() {
      try {
        if (careful > 0) careful--
        const answer = failure || !isOpen ? undefined : await query({ text: 'COMMIT' })
        if (answer) isOpen = false
        isWriting = false
        await settle()
        if (answer && answer.command !== 'COMMIT') throw new Error('PostgreSQL did not commit the transaction')
      } catch (error) {
        if (!isAway(error)) careful = carefulFor
        throw refusal(error)
      }
    },
    rollback,
  }
}
