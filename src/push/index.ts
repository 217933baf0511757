export { pushRulesRoutes } from './routes.ts'
export { openPushRules, type PushRules, type PushRulesDeps } from './rules.ts'
