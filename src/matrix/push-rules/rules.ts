import type { Json, JsonObject } from '../json.ts'

/** The kinds of push rules in the order in which they are asked. */
export const pushRuleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const

/** @see https://spec.matrix.org/v1.19/client-server-api/#push-rules */
export type PushRuleKind = (typeof pushRuleKinds)[number]

/** A push rule as clients see it. */
export type PushRule = {
  rule_id: string
  /** Whether the server brought it (its actions and switch may still be the user's). */
  default: boolean
  enabled: boolean
  actions: Json[]
  /** Only of override and underride rules. */
  conditions?: JsonObject[]
  /** Only of content rules: a glob. */
  pattern?: string
}

/** All rules of a user, within a kind the most important first: the content of `m.push_rules` under `global`. */
export type Ruleset = { [kind in PushRuleKind]: PushRule[] }
