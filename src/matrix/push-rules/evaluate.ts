import { type Actions, noActions, readActions } from './actions.ts'
import { reachOf } from './body-match.ts'
import { bodyMatches, compileCondition, patternOf, type PushContext, type Test, typeDemanded } from './conditions.ts'
import type { EventView } from './event-view.ts'
import type { PushRule, Ruleset } from './rules.ts'

interface CompiledRule {
  /** Case folded; undefined: any type. */
  readonly type: string | undefined
  readonly tests: readonly Test[]
  readonly actions: Actions
}

/** The rules that events of one type can match: those asked before the room and sender rules, and those asked after. */
interface Agenda {
  readonly before: readonly CompiledRule[]
  readonly after: readonly CompiledRule[]
}

/** A ruleset made ready for {@link evaluate}. Immutable. */
export interface CompiledRules {
  /** By case-folded event type, for the types that rules name. */
  readonly byType: ReadonlyMap<string, Agenda>
  readonly otherTypes: Agenda
  readonly rooms: ReadonlyMap<string, Actions>
  readonly senders: ReadonlyMap<string, Actions>
}

/** Compiles a ruleset. Disabled rules and those with a condition that cannot be understood fall out. */
export function compileRules(ruleset: Ruleset): CompiledRules {
  const reach = reachOf(patternsOf(ruleset))
  const conditional = (rule: PushRule): CompiledRule[] => compileConditional(rule, reach)
  const before = [
    ...ruleset.override.flatMap(conditional),
    ...ruleset.content.flatMap((rule) => compileContent(rule, reach)),
  ]
  const after = ruleset.underride.flatMap(conditional)
  const agenda = (type: string | undefined): Agenda => {
    const concerns = (rule: CompiledRule): boolean => rule.type === undefined || rule.type === type
    return { before: before.filter(concerns), after: after.filter(concerns) }
  }
  const types = new Set([...before, ...after].flatMap((rule) => rule.type ?? []))
  return {
    byType: new Map([...types].map((type) => [type, agenda(type)])),
    otherTypes: agenda(undefined),
    rooms: byId(ruleset.room),
    senders: byId(ruleset.sender),
  }
}

/**
 * What an event calls for, for one user: the actions of the most important rule that matches. A user's own events call for nothing.
 * @param view - the event, prepared by `flatten` once for all users
 * @see https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
export function evaluate(rules: CompiledRules, view: EventView, context: PushContext): Actions {
  const { event } = view
  if (event.sender === context.userId) return noActions
  const agenda = rules.byType.get(view.type) ?? rules.otherTypes
  return (
    firstMatch(agenda.before, view, context) ??
    rules.rooms.get(event.roomId) ??
    rules.senders.get(event.sender) ??
    firstMatch(agenda.after, view, context) ??
    noActions
  )
}

function firstMatch(rules: readonly CompiledRule[], view: EventView, context: PushContext): Actions | undefined {
  for (const rule of rules) if (holds(rule.tests, view, context)) return rule.actions
  return undefined
}

function holds(tests: readonly Test[], view: EventView, context: PushContext): boolean {
  for (const test of tests) if (!test(view, context)) return false
  return true
}

/** All that is looked for in texts. */
const patternsOf = ({ override, content, underride }: Ruleset): string[] =>
  [...override, ...content, ...underride].flatMap(({ enabled, pattern, conditions = [] }) =>
    enabled ? [pattern?.toLowerCase(), ...conditions.map(patternOf)].filter((one) => one !== undefined) : [],
  )

function compileConditional(rule: PushRule, reach: number): CompiledRule[] {
  if (!rule.enabled) return []
  const conditions = rule.conditions ?? []
  const type = conditions.map(typeDemanded).find((demanded) => demanded !== undefined)
  const tests: Test[] = []
  for (const condition of conditions) {
    // Rules are asked only about events of the type that they demand, so that need not be tested again.
    if (type !== undefined && typeDemanded(condition) === type) continue
    const test = compileCondition(condition, reach)
    if (!test) return []
    tests.push(test)
  }
  return [{ type, tests, actions: readActions(rule.actions) }]
}

const compileContent = (rule: PushRule, reach: number): CompiledRule[] =>
  rule.enabled && rule.pattern !== undefined
    ? [{ type: undefined, tests: [bodyMatches(rule.pattern, reach)], actions: readActions(rule.actions) }]
    : []

const byId = (rules: PushRule[]): Map<string, Actions> =>
  new Map(rules.filter((rule) => rule.enabled).map((rule) => [rule.rule_id, readActions(rule.actions)]))
