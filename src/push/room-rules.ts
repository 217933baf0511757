import { MatrixError } from '../matrix/errors.ts'
import { own, type Json, type JsonObject } from '../matrix/json.ts'
import {
  putRule,
  pushRuleKinds,
  setRuleEnabled,
  type PushRule,
  type PushRuleKind,
  type StoredRules,
} from '../matrix/push-rules/index.ts'
import type { PushRules } from './rules.ts'

/**
 * Gives a user the rules for one room that they made for another: room rules, and all that ask for the room's id. Rules that are
 * there already stay as they are.
 */
export async function copyRoomRules(rules: PushRules, user: number, from: string, to: string): Promise<void> {
  const ruleset = await rules.ruleset(user)
  const wanted = pushRuleKinds.flatMap((kind) =>
    ruleset[kind].filter((rule) => !rule.default && concerns(kind, rule, from)).map((rule) => ({ kind, rule })),
  )
  if (wanted.length === 0) return
  await rules.change(user, (stored) =>
    wanted.reduce((changed, { kind, rule }) => withCopy(changed, kind, rule, from, to), stored),
  )
}

const isFor = (condition: Json, room: string): boolean =>
  own(condition, 'kind') === 'event_match' && own(condition, 'key') === 'room_id' && own(condition, 'pattern') === room

const concerns = (kind: PushRuleKind, rule: PushRule, room: string): boolean =>
  kind === 'room' ? rule.rule_id === room : (rule.conditions ?? []).some((condition) => isFor(condition, room))

function withCopy(stored: StoredRules, kind: PushRuleKind, rule: PushRule, from: string, to: string): StoredRules {
  const id = rule.rule_id.includes(from) ? rule.rule_id.replace(from, () => to) : `${rule.rule_id} ${to}`
  if (stored.own[kind]?.some((other) => other.rule_id === id)) return stored
  const body: JsonObject = {
    actions: rule.actions,
    ...(rule.conditions && {
      conditions: rule.conditions.map((condition) =>
        isFor(condition, from) ? { ...condition, pattern: to } : condition,
      ),
    }),
  }
  try {
    const copied = putRule(stored, kind, id, body, { after: rule.rule_id })
    return rule.enabled ? copied : setRuleEnabled(copied, kind, id, false)
  } catch (error) {
    // Nobody asked for this: who has no room for another rule, or deleted this one meanwhile, goes without.
    if (error instanceof MatrixError) return stored
    throw error
  }
}
