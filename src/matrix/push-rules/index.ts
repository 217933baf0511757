/** Push rules: the defaults, what a user makes of them, and what an event calls for. Pure. */
export { type Actions, noActions } from './actions.ts'
export { parsePushRuleKind, pushRuleLimits } from './check.ts'
export type { PushContext } from './conditions.ts'
export { defaultRules } from './defaults.ts'
export { deleteRule, findRule, putRule, type RulePlace, setRuleActions, setRuleEnabled } from './edit.ts'
export { type CompiledRules, compileRules, evaluate } from './evaluate.ts'
export { type EventView, flatten, type PushEvent } from './event-view.ts'
export { type PushRule, type PushRuleKind, pushRuleKinds, type Ruleset } from './rules.ts'
export {
  compileStored,
  type DefaultChange,
  mergeWithDefaults,
  noRules,
  type OwnRule,
  type StoredRules,
} from './stored.ts'
