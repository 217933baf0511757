import type { Json, JsonObject } from '../../matrix/json.ts'
import type { DefaultChange, OwnRule, PushRuleKind, StoredRules } from '../../matrix/push-rules/index.ts'
import { clear, putRows } from '../store/rows.ts'
import { isTrue, textOf, type ImportContext } from '../target.ts'
import { openDeviceNids } from './devices.ts'

const size = 200
/** By Synapse's `priority_class`. */
const kinds: Readonly<Record<number, PushRuleKind>> = {
  1: 'underride',
  2: 'sender',
  3: 'room',
  4: 'content',
  5: 'override',
}

interface RuleRow {
  user_name: string
  /** `global/override/ID`. */
  rule_id: string
  priority_class: number
  conditions: string
  actions: string
}

interface EnableRow {
  user_name: string
  rule_id: string
  enabled: unknown
}

/** Actions of before there was a word less: what they say is the default. */
const actionsOf = (text: string): Json[] =>
  (JSON.parse(text) as Json[]).filter((action) => action !== 'dont_notify' && action !== 'coalesce')

const nameOf = (ruleId: string): string => ruleId.split('/').slice(2).join('/')

/** The rules of one user, the most important of each kind first, as they are kept here: what differs from the defaults. */
export function storedRules(rules: readonly RuleRow[], enabled: readonly EnableRow[]): StoredRules {
  const isOn = new Map(enabled.map((row) => [row.rule_id, isTrue(row.enabled)]))
  const own: { [kind in PushRuleKind]?: OwnRule[] } = {}
  const defaults: Record<string, DefaultChange> = {}
  for (const row of rules) {
    const id = nameOf(row.rule_id)
    const kind = kinds[row.priority_class]
    const actions = actionsOf(row.actions)
    if (id.startsWith('.') || !kind) defaults[id] = { ...defaults[id], actions }
    else (own[kind] ??= []).push(ownRule(kind, id, isOn.get(row.rule_id) ?? true, row.conditions, actions))
  }
  for (const [ruleId, on] of isOn) {
    const id = nameOf(ruleId)
    if (id.startsWith('.')) defaults[id] = { ...defaults[id], enabled: on }
  }
  return { own, defaults }
}

function ownRule(kind: PushRuleKind, id: string, enabled: boolean, text: string, actions: Json[]): OwnRule {
  const conditions = JSON.parse(text) as JsonObject[]
  const pattern = conditions.find((condition) => condition['key'] === 'content.body')?.['pattern']
  return {
    rule_id: id,
    enabled,
    actions,
    ...(kind === 'content' && typeof pattern === 'string' && { pattern }),
    ...((kind === 'override' || kind === 'underride') && { conditions }),
  }
}

/** Push rules and pushers. `position` is where rules are in the log, and from where pushers are told of events. */
export async function importPush(ctx: ImportContext, position: number): Promise<void> {
  const { source, database, names, report } = ctx
  await database.write((tx) => clear(tx, ['push_rules', 'pushers', 'pusher_rooms']))
  for await (const found of source.scan<{ name: string }>(
    {
      columns: 't.name',
      from: 'users t',
      where: `exists (select 1 from push_rules r where r.user_name = t.name) or
        exists (select 1 from push_rules_enable r where r.user_name = t.name)`,
    },
    size,
  )) {
    const ids = found.map((row) => row.name)
    const marks = ids.map(() => '?').join(', ')
    const users = await names.users(ids)
    const rules = await source.rows<RuleRow>(
      `select user_name, rule_id, priority_class, conditions, actions from push_rules where user_name in (${marks})
        order by priority_class desc, priority desc`,
      ids,
    )
    const enabled = await source.rows<EnableRow>(
      `select user_name, rule_id, enabled from push_rules_enable where user_name in (${marks})`,
      ids,
    )
    const [byUser, onByUser] = [
      Map.groupBy(rules, (row) => row.user_name),
      Map.groupBy(enabled, (row) => row.user_name),
    ]
    await database.write((tx) =>
      putRows(
        tx,
        'push_rules',
        ids.map((id) => ({
          user_nid: users.get(id) ?? 0,
          stored: JSON.stringify(storedRules(byUser.get(id) ?? [], onByUser.get(id) ?? [])),
          position,
        })),
        { key: ['user_nid'] },
      ),
    )
    report.count('users with push rules of their own', ids.length)
  }
  await importPushers(ctx, position)
}

async function importPushers(ctx: ImportContext, position: number): Promise<void> {
  const { source, database, names, report, randomId } = ctx
  const nids = openDeviceNids(ctx)
  interface Row {
    user_name: string
    user_id: string
    device_id: string | null
    app_id: string
    kind: string
    pushkey: unknown
    app_display_name: string
    device_display_name: string
    profile_tag: string
    lang: string | null
    data: unknown
    ts: number
    enabled: unknown
    last_stream_ordering: number | null
  }
  for await (const rows of source.scan<Row>(
    {
      columns: `t.user_name, t.user_name as user_id, coalesce(t.device_id, a.device_id) as device_id, t.app_id, t.kind, t.pushkey,
        t.app_display_name, t.device_display_name, t.profile_tag, t.lang, t.data, t.ts, t.enabled, t.last_stream_ordering`,
      from: 'pushers t left join access_tokens a on a.id = t.access_token',
    },
    size,
  )) {
    const users = await names.users(rows.map((row) => row.user_name))
    const device = await nids.of(rows)
    const kept = rows.filter((row) => row.enabled === null || isTrue(row.enabled))
    for (const row of rows)
      if (!kept.includes(row)) report.leave('pushers that are switched off', `${row.app_id} of ${row.user_name}`)
    const pushers = kept.map((row) => ({
      user_nid: users.get(row.user_name) ?? 0,
      device_nid: device(row) ?? null,
      app_id: row.app_id,
      kind: row.kind,
      pushkey: textOf(row.pushkey),
      app_name: row.app_display_name,
      device_name: row.device_display_name,
      profile_tag: row.profile_tag === '' ? null : row.profile_tag,
      lang: row.lang ?? 'en',
      data: row.data === null ? '{}' : textOf(row.data),
      set_ts: row.ts,
      secret: row.kind === 'email' ? randomId() : null,
      since_position: position,
    }))
    await database.write((tx) => putRows(tx, 'pushers', pushers, { key: ['user_nid', 'app_id', 'pushkey'] }))
    report.count('pushers', rows.length, kept.length)
  }
}
