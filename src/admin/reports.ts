import { limitExceeded, type Session } from '../http/index.ts'
import type { AdminDeps } from './deps.ts'
import { readReportTimes, saveReport } from './store/reports.ts'

export interface Reported {
  /** A room id, an event id or a user id. */
  readonly target: string
  readonly roomId?: string
  readonly reason: string
  /** From -100, most offensive, to 0. */
  readonly score?: number | undefined
}

const day = 86_400_000
/** Of one user in a day: more are not read by anybody. */
const mostADay = 100

/** Keeps a report and tells the operator. @throws MatrixError M_LIMIT_EXCEEDED */
export async function report(
  { database, logger, now }: AdminDeps,
  session: Session,
  { target, roomId, reason, score }: Reported,
): Promise<void> {
  const at = now()
  const text = reason.replaceAll('\0', '').toWellFormed()
  await database.write(async (tx) => {
    const times = await readReportTimes(tx, session.user, at - day)
    const [oldest] = times
    if (oldest !== undefined && times.length >= mostADay) throw limitExceeded(oldest + day - at)
    await saveReport(tx, {
      reporter: session.user,
      target,
      roomId: roomId ?? null,
      reason: text,
      at,
      score: score ?? null,
    })
  })
  logger.warn(
    { reporter: session.userId, target, ...(roomId !== undefined && { room: roomId }), reason: text },
    'a user reports something',
  )
}
