import { startMailer, type MailerDeps } from './email/mailer.ts'
import { openPushers, pushQueue, type Pushers, type PushersDeps } from './pushers.ts'
import { createDelivery, type DeliveryDeps } from './delivery.ts'
import { startNotifier, type NotifierDeps } from './notifier.ts'

export type PushDeps = PushersDeps &
  Omit<DeliveryDeps, 'pushers'> &
  Omit<NotifierDeps, 'pushers' | 'mayClear' | 'mailLater'> &
  Omit<MailerDeps, 'pushers'>

/** Pushers, and all that makes them hear of what happens. */
export interface Push extends AsyncDisposable {
  readonly pushers: Pushers
  /** Resolves when everything that has happened until now is queued for those who are to be told. */
  readonly settled: () => Promise<void>
}

/** Begins to tell push gateways of what happens. The queue is worked at from then on. */
export async function openPush(deps: PushDeps): Promise<Push> {
  const pushers = await openPushers(deps)
  const { mayClear, ...worker } = createDelivery({ ...deps, pushers })
  const { mailLater } = startMailer({ ...deps, pushers })
  const notifier = startNotifier({ ...deps, pushers, mayClear, mailLater })
  deps.jobs.work(pushQueue, worker)
  return { pushers, settled: notifier.settled, [Symbol.asyncDispose]: () => notifier[Symbol.asyncDispose]() }
}
