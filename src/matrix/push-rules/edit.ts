import { MatrixError } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { checkActions, checkLimits, checkRule } from './check.ts'
import { defaultRules } from './defaults.ts'
import type { PushRule, PushRuleKind, Ruleset } from './rules.ts'
import { changeOf, type DefaultChange, type OwnRule, type StoredRules } from './stored.ts'

/** Where a rule is to stand: next to one of the user's own rules of the same kind. `before` wins over `after`. */
export interface RulePlace {
  /** Becomes the next more important than this rule. */
  before?: string | undefined
  /** Becomes the next less important than this rule. */
  after?: string | undefined
}

/** The rule with this id. @throws MatrixError M_NOT_FOUND */
export function findRule(ruleset: Ruleset, kind: PushRuleKind, ruleId: string): PushRule {
  const rule = ruleset[kind].find((each) => each.rule_id === ruleId)
  if (!rule) throw notFound()
  return rule
}

/**
 * Adds a rule of the user's own, or replaces it. A new rule is enabled and the most important of its kind unless a place is given;
 * a replaced one stays where it is, and as enabled as it is.
 * @throws MatrixError as checkRule; M_UNKNOWN (400) when the rule to stand next to is not there; M_TOO_LARGE beyond the limits
 * @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3pushrulesglobalkindruleid
 */
export function putRule(
  stored: StoredRules,
  kind: PushRuleKind,
  ruleId: string,
  body: JsonObject,
  place: RulePlace = {},
): StoredRules {
  const rules = stored.own[kind] ?? []
  const index = rules.findIndex((rule) => rule.rule_id === ruleId)
  const rule = { ...checkRule(kind, ruleId, body), enabled: rules[index]?.enabled ?? true }
  const others = rules.filter((each) => each !== rules[index])
  const at = placeAmong(others, place) ?? Math.max(index, 0)
  return checkLimits(withOwn(stored, kind, others.toSpliced(at, 0, rule)))
}

/** Takes away a rule of the user's own. @throws MatrixError M_NOT_FOUND; M_INVALID_PARAM for a default rule */
export function deleteRule(stored: StoredRules, kind: PushRuleKind, ruleId: string): StoredRules {
  const rules = stored.own[kind] ?? []
  const left = rules.filter((rule) => rule.rule_id !== ruleId)
  if (left.length < rules.length) return withOwn(stored, kind, left)
  if (defaultOf(kind, ruleId))
    throw new MatrixError('M_INVALID_PARAM', 'A default push rule can be disabled but not deleted')
  throw notFound()
}

/** Switches a rule, default or own, on or off. @throws MatrixError M_NOT_FOUND */
export const setRuleEnabled = (
  stored: StoredRules,
  kind: PushRuleKind,
  ruleId: string,
  enabled: boolean,
): StoredRules => change(stored, kind, ruleId, { enabled })

/** Sets the actions of a rule, default or own. @throws MatrixError M_NOT_FOUND; for the actions as checkRule */
export const setRuleActions = (
  stored: StoredRules,
  kind: PushRuleKind,
  ruleId: string,
  actions: unknown,
): StoredRules => change(stored, kind, ruleId, { actions: checkActions(actions) })

function change(stored: StoredRules, kind: PushRuleKind, ruleId: string, wanted: DefaultChange): StoredRules {
  const standard = defaultOf(kind, ruleId)
  if (standard) {
    const difference = differenceFrom(standard, { ...changeOf(stored, ruleId), ...wanted })
    const { [ruleId]: _, ...others } = stored.defaults
    return checkLimits({ ...stored, defaults: difference ? { ...others, [ruleId]: difference } : others })
  }
  const rules = stored.own[kind] ?? []
  if (!rules.some((rule) => rule.rule_id === ruleId)) throw notFound()
  return checkLimits(
    withOwn(
      stored,
      kind,
      rules.map((rule) => (rule.rule_id === ruleId ? { ...rule, ...wanted } : rule)),
    ),
  )
}

/** What is left of a change once all that equals the default is taken out; undefined: nothing. */
function differenceFrom(standard: PushRule, wanted: DefaultChange): DefaultChange | undefined {
  const same = (a: Json | undefined, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b)
  const difference: DefaultChange = {
    ...(wanted.enabled === undefined || wanted.enabled === standard.enabled ? {} : { enabled: wanted.enabled }),
    ...(wanted.actions === undefined || same(wanted.actions, standard.actions) ? {} : { actions: wanted.actions }),
  }
  return Object.keys(difference).length > 0 ? difference : undefined
}

function placeAmong(rules: OwnRule[], { before, after }: RulePlace): number | undefined {
  const neighbour = before ?? after
  if (neighbour === undefined) return undefined
  const index = rules.findIndex((rule) => rule.rule_id === neighbour)
  if (index < 0) {
    const message = `before/after rule not found among your own rules of this kind: ${neighbour.slice(0, 100)}`
    throw new MatrixError('M_UNKNOWN', message, { status: 400 })
  }
  return before === undefined ? index + 1 : index
}

const withOwn = (stored: StoredRules, kind: PushRuleKind, rules: OwnRule[]): StoredRules => ({
  ...stored,
  own: { ...stored.own, [kind]: rules },
})

const defaultOf = (kind: PushRuleKind, ruleId: string): PushRule | undefined =>
  defaultRules('')[kind].find((rule) => rule.rule_id === ruleId)

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'The push rule was not found')
