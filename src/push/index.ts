export { pushRulesRoutes } from './routes.ts'
export { openPushRules, type PushRules, type PushRulesDeps, withPushRules } from './rules.ts'
export { createCounts, type CountsDeps, type NotificationCounts } from './counts.ts'
export { noCounts, type Count, type Counts } from './ledger.ts'
