import type { Json } from '../json.ts'
import { ownUser } from './conditions.ts'
import { defaultRules, masterRule } from './defaults.ts'
import { type CompiledRules, compileRules } from './evaluate.ts'
import { type PushRule, type PushRuleKind, pushRuleKinds, type Ruleset } from './rules.ts'

/** A rule that the user made. */
export type OwnRule = Omit<PushRule, 'default'>

/** What the user changed about a default rule. */
export type DefaultChange = { enabled?: boolean; actions?: Json[] }

/**
 * A user's push rules as they are kept: only what differs from the defaults, so that a change of the defaults reaches everyone.
 * Plain JSON. Never changed in place.
 */
export type StoredRules = {
  /** The user's own rules, within a kind the most important first. */
  own: { [kind in PushRuleKind]?: OwnRule[] }
  /** Changes to default rules by rule id. Ids that are no default rule any more are ignored. */
  defaults: { [ruleId: string]: DefaultChange }
}

/** The rules of a user who changed nothing. */
export const noRules: StoredRules = { own: {}, defaults: {} }

/** All rules of a user: their own before the defaults of the same kind, except for the master rule, which is always first. */
export function mergeWithDefaults(userId: string, stored: StoredRules): Ruleset {
  const defaults = defaultRules(userId)
  const merge = (kind: PushRuleKind): PushRule[] => {
    const own = (stored.own[kind] ?? []).map((rule) => ({ ...rule, default: false }))
    const changed = defaults[kind].map((rule) => ({ ...rule, ...changeOf(stored, rule.rule_id) }))
    return changed[0]?.rule_id === masterRule ? [changed[0], ...own, ...changed.slice(1)] : [...own, ...changed]
  }
  return {
    override: merge('override'),
    content: merge('content'),
    room: merge('room'),
    sender: merge('sender'),
    underride: merge('underride'),
  }
}

/** The user's rules compiled. They hold for any user id, and all users who changed nothing share one object. */
export function compileStored(stored: StoredRules): CompiledRules {
  const unchanged =
    pushRuleKinds.every((kind) => !stored.own[kind]?.length) && Object.keys(stored.defaults).length === 0
  if (!unchanged) return compileRules(mergeWithDefaults(ownUser, stored))
  return (sharedDefaults ??= compileRules(mergeWithDefaults(ownUser, noRules)))
}

let sharedDefaults: CompiledRules | undefined

/** What the user changed about a default rule, if anything. */
export const changeOf = (stored: StoredRules, ruleId: string): DefaultChange | undefined =>
  Object.hasOwn(stored.defaults, ruleId) ? stored.defaults[ruleId] : undefined
