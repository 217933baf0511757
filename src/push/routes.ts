import { Type } from 'typebox'
import { route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { Json, JsonObject } from '../matrix/json.ts'
import {
  deleteRule,
  findRule,
  parsePushRuleKind,
  pushRuleKinds,
  putRule,
  setRuleActions,
  setRuleEnabled,
  type PushRule,
  type PushRuleKind,
  type Ruleset,
} from '../matrix/push-rules/index.ts'
import type { PushRules } from './rules.ts'

const base = '/_matrix/client/v3/pushrules'
const one = `${base}/global/:kind/:ruleId`

const RuleParams = Type.Object({ kind: Type.String(), ruleId: Type.String() })
/** Checked by `putRule`, whose refusals say more of what a rule is than a schema can. */
const RuleBody = Type.Unsafe<JsonObject>(Type.Object({}))
const Place = Type.Object({ before: Type.Optional(Type.String()), after: Type.Optional(Type.String()) })
const Empty = Type.Object({})
const Rule = Type.Unsafe<PushRule>(Type.Object({}))
const Rules = Type.Unsafe<Ruleset>(Type.Object({}))
const Actions = Type.Unsafe<Json[]>(Type.Array(Type.Unknown()))

/** The kind of a rule that is to be there. @throws {MatrixError} M_NOT_FOUND: no rule is of another kind. */
function existingKind(kind: string): PushRuleKind {
  const found = pushRuleKinds.find((each) => each === kind)
  if (!found) throw new MatrixError('M_NOT_FOUND', `There are no push rules of kind "${kind.slice(0, 40)}"`)
  return found
}

/** @see https://spec.matrix.org/v1.19/client-server-api/#push-rules-api */
export const pushRulesRoutes = ({ rules }: { readonly rules: PushRules }): Route[] => [
  route({
    id: 'getPushRules',
    method: 'GET',
    path: `${base}/`,
    paths: [base],
    auth: 'user',
    reply: Type.Object({ global: Rules }),
    handle: async ({ session }) => ({ global: await rules.ruleset(session.user) }),
  }),
  route({
    id: 'getPushRulesGlobal',
    method: 'GET',
    path: `${base}/global/`,
    paths: [`${base}/global`],
    auth: 'user',
    reply: Rules,
    handle: ({ session }) => rules.ruleset(session.user),
  }),
  /** The rules of one kind: what some libraries still ask for, though the specification no longer has it. */
  route({
    id: 'getPushRulesKind',
    method: 'GET',
    path: `${base}/global/:kind`,
    paths: [`${base}/global/:kind/`],
    auth: 'user',
    params: Type.Object({ kind: Type.String() }),
    reply: Type.Array(Rule),
    handle: async ({ session, params }) => (await rules.ruleset(session.user))[existingKind(params.kind)],
  }),
  route({
    id: 'getPushRule',
    method: 'GET',
    path: one,
    auth: 'user',
    params: RuleParams,
    reply: Rule,
    handle: async ({ session, params }) =>
      findRule(await rules.ruleset(session.user), existingKind(params.kind), params.ruleId),
  }),
  /** Makes a rule of the user's own, or replaces one. All devices are told through /sync, as of every change below. */
  route({
    id: 'setPushRule',
    method: 'PUT',
    path: one,
    auth: 'user',
    whileSuspended: true,
    params: RuleParams,
    query: Place,
    body: RuleBody,
    reply: Empty,
    handle: async ({ session, params, query, body }) => {
      const kind = parsePushRuleKind(params.kind)
      await rules.change(session.user, (stored) => putRule(stored, kind, params.ruleId, body, query))
      return {}
    },
  }),
  route({
    id: 'deletePushRule',
    method: 'DELETE',
    path: one,
    auth: 'user',
    whileSuspended: true,
    params: RuleParams,
    reply: Empty,
    handle: async ({ session, params }) => {
      const kind = existingKind(params.kind)
      await rules.change(session.user, (stored) => deleteRule(stored, kind, params.ruleId))
      return {}
    },
  }),
  route({
    id: 'isPushRuleEnabled',
    method: 'GET',
    path: `${one}/enabled`,
    auth: 'user',
    params: RuleParams,
    reply: Type.Object({ enabled: Type.Boolean() }),
    handle: async ({ session, params }) => {
      const { enabled } = findRule(await rules.ruleset(session.user), existingKind(params.kind), params.ruleId)
      return { enabled }
    },
  }),
  route({
    id: 'setPushRuleEnabled',
    method: 'PUT',
    path: `${one}/enabled`,
    auth: 'user',
    whileSuspended: true,
    params: RuleParams,
    body: Type.Object({ enabled: Type.Boolean() }),
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const kind = existingKind(params.kind)
      await rules.change(session.user, (stored) => setRuleEnabled(stored, kind, params.ruleId, body.enabled))
      return {}
    },
  }),
  route({
    id: 'getPushRuleActions',
    method: 'GET',
    path: `${one}/actions`,
    auth: 'user',
    params: RuleParams,
    reply: Type.Object({ actions: Actions }),
    handle: async ({ session, params }) => {
      const { actions } = findRule(await rules.ruleset(session.user), existingKind(params.kind), params.ruleId)
      return { actions }
    },
  }),
  route({
    id: 'setPushRuleActions',
    method: 'PUT',
    path: `${one}/actions`,
    auth: 'user',
    whileSuspended: true,
    params: RuleParams,
    body: Type.Object({ actions: Actions }),
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const kind = existingKind(params.kind)
      await rules.change(session.user, (stored) => setRuleActions(stored, kind, params.ruleId, body.actions))
      return {}
    },
  }),
]
