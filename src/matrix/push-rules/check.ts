import { MatrixError } from '../errors.ts'
import { isObject, type Json, type JsonObject, own } from '../json.ts'
import { isHistorical } from './actions.ts'
import { isScalar, parseMemberCount } from './conditions.ts'
import { type PushRuleKind, pushRuleKinds } from './rules.ts'
import type { OwnRule, StoredRules } from './stored.ts'

/** What one user's rules may amount to. Rooms and senders are looked up by id; every other test is run on events. */
export const pushRuleLimits = {
  /** Rules of one's own. */
  rules: 2000,
  /** Conditions, counting a content rule as one. */
  tests: 500,
  /** Characters of the stored form as JSON. */
  size: 262_144,
  /** Characters of a rule id. */
  idLength: 512,
  /** Characters of a glob, key or value. */
  textLength: 256,
  /** Actions of a rule. */
  actions: 16,
} as const

/** Reads the kind of a rule from a path. @throws MatrixError M_INVALID_PARAM */
export function parsePushRuleKind(text: string): PushRuleKind {
  const kind = pushRuleKinds.find((each) => each === text)
  if (!kind)
    throw new MatrixError(
      'M_INVALID_PARAM',
      `There is no kind of push rule "${text.slice(0, 40)}": the kinds are ${pushRuleKinds.join(', ')}`,
    )
  return kind
}

/** Checks the id of a rule that a user wants to make. @throws MatrixError M_INVALID_PARAM */
export function checkRuleId(ruleId: string): void {
  if (ruleId === '') throw invalid('A push rule needs an id')
  if (ruleId.length > pushRuleLimits.idLength)
    throw invalid(`The id of a push rule has at most ${pushRuleLimits.idLength} characters`)
  if (ruleId.startsWith('.')) throw invalid('Push rule ids that begin with a dot belong to the server')
  if (/[/\\]/.test(ruleId)) throw invalid('The id of a push rule contains neither / nor \\')
}

/**
 * Checks the body of a request to make or replace a rule, and keeps of it what belongs to the kind.
 * @throws MatrixError M_MISSING_PARAM, M_BAD_JSON (wrong type), M_INVALID_PARAM (wrong value)
 */
export function checkRule(kind: PushRuleKind, ruleId: string, body: JsonObject): OwnRule {
  checkRuleId(ruleId)
  const rule: OwnRule = { rule_id: ruleId, enabled: true, actions: checkActions(own(body, 'actions')) }
  if (kind === 'content') return { ...rule, pattern: text(own(body, 'pattern'), 'pattern') }
  return kind === 'override' || kind === 'underride'
    ? { ...rule, conditions: checkConditions(own(body, 'conditions')) }
    : rule
}

/** Checks a list of actions; those that are only history are left out. @throws MatrixError as {@link checkRule} */
export function checkActions(actions: unknown): Json[] {
  if (actions === undefined) throw new MatrixError('M_MISSING_PARAM', 'A push rule needs "actions"')
  if (!Array.isArray(actions)) throw wrongType('"actions" is a list')
  if (actions.length > pushRuleLimits.actions)
    throw invalid(`A push rule has at most ${pushRuleLimits.actions} actions`)
  return actions
    .filter((action: Json) => !isHistorical(action))
    .map((action: Json) => {
      if (action === 'notify') return action
      if (typeof action === 'string') throw invalid(`There is no action "${action.slice(0, 40)}"`)
      return checkTweak(action)
    })
}

function checkTweak(action: Json): JsonObject {
  if (!isObject(action)) throw wrongType('An action is "notify" or an object with "set_tweak"')
  const name = text(own(action, 'set_tweak'), 'set_tweak')
  const value = own(action, 'value')
  if (name === 'sound' && typeof value !== 'string') throw wrongType('The "value" of the sound tweak is a string')
  if (name === 'highlight' && value !== undefined && typeof value !== 'boolean')
    throw wrongType('The "value" of the highlight tweak is a boolean')
  return value === undefined ? { set_tweak: name } : { set_tweak: name, value }
}

/** A rule without conditions matches everything, so their absence is no mistake. */
function checkConditions(conditions: Json | undefined): JsonObject[] {
  if (conditions === undefined) return []
  if (!Array.isArray(conditions)) throw wrongType('"conditions" is a list')
  return conditions.map(checkCondition)
}

/** A condition of an unknown kind is kept as it is: it never matches, but the user's clients may know it. */
function checkCondition(condition: Json): JsonObject {
  if (!isObject(condition)) throw wrongType('A condition is an object')
  const kind = text(own(condition, 'kind'), 'kind')
  const value = own(condition, 'value')
  const is = own(condition, 'is')
  switch (kind) {
    case 'event_match':
      return { kind, key: text(own(condition, 'key'), 'key'), pattern: text(own(condition, 'pattern'), 'pattern') }
    case 'event_property_is':
    case 'event_property_contains':
      if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `The condition ${kind} needs "value"`)
      if (!isScalar(value)) throw wrongType('The "value" of a condition is a string, an integer, a boolean or null')
      return {
        kind,
        key: text(own(condition, 'key'), 'key'),
        value: typeof value === 'string' ? text(value, 'value') : value,
      }
    case 'room_member_count':
      if (!parseMemberCount(text(is, 'is')))
        throw invalid('"is" is a number with ==, <, >, >= or <= before it, or nothing')
      return { kind, is: text(is, 'is') }
    case 'sender_notification_permission':
      return { kind, key: text(own(condition, 'key'), 'key') }
    case 'contains_display_name':
      return { kind }
    default:
      return condition
  }
}

/** Refuses what grew beyond the limits. @throws MatrixError M_TOO_LARGE */
export function checkLimits(stored: StoredRules): StoredRules {
  const rules = pushRuleKinds.flatMap((kind) => stored.own[kind] ?? [])
  const tests = rules.reduce(
    (sum, rule) => sum + (rule.conditions?.length ?? 0) + (rule.pattern === undefined ? 0 : 1),
    0,
  )
  if (rules.length > pushRuleLimits.rules)
    throw tooLarge(`You can have ${pushRuleLimits.rules} push rules; delete one first`)
  if (tests > pushRuleLimits.tests)
    throw tooLarge(
      `Your push rules can have ${pushRuleLimits.tests} conditions and patterns together; delete one first`,
    )
  if (JSON.stringify(stored).length > pushRuleLimits.size)
    throw tooLarge('Your push rules take too much room; delete one first')
  return stored
}

function text(value: Json | undefined, name: string): string {
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `A push rule lacks "${name}"`)
  if (typeof value !== 'string') throw wrongType(`"${name}" is a string`)
  if (value.length > pushRuleLimits.textLength)
    throw invalid(`"${name}" has at most ${pushRuleLimits.textLength} characters`)
  return value
}

const invalid = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)
const wrongType = (message: string): MatrixError => new MatrixError('M_BAD_JSON', message)
const tooLarge = (message: string): MatrixError => new MatrixError('M_TOO_LARGE', message)
