import { type Json, own } from '../json.ts'

/** What a matching rule asks for. Shared between evaluations: treat it as read-only. */
export interface Actions {
  readonly notify: boolean
  /** Never without `notify`: only notifications are counted as highlights. */
  readonly highlight: boolean
  /** Name of a sound, `default` for the usual one. */
  readonly sound?: string
  /** The actions as the rule has them, for the push gateway. */
  readonly raw: readonly Json[]
}

/** What an event calls for that no rule matches. */
export const noActions: Actions = { notify: false, highlight: false, raw: [] }

/** Whether it is one of the actions of old that must be ignored wherever they turn up. */
export const isHistorical = (action: Json): boolean => action === 'dont_notify' || action === 'coalesce'

/**
 * Reads a rule's list of actions; what it does not understand stays in `raw`.
 * @see https://spec.matrix.org/v1.19/client-server-api/#actions
 */
export function readActions(actions: readonly Json[]): Actions {
  const raw = actions.filter((action) => !isHistorical(action))
  const notify = raw.includes('notify')
  const tweak = (name: string): Json | undefined => raw.find((action) => own(action, 'set_tweak') === name)
  const sound = own(tweak('sound'), 'value')
  const highlight = tweak('highlight')
  return {
    notify,
    highlight: notify && highlight !== undefined && own(highlight, 'value') !== false,
    ...(typeof sound === 'string' ? { sound } : {}),
    raw,
  }
}
