// What docs/monitoring/ names is what the server tells.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { createRegistry } from '../src/metrics/registry.ts'
import { root } from './docs-pages.ts'

interface Known {
  name: string
  type: string
  labelNames?: string[]
}

/** Of each series that is told, its labels. What scraping adds is there too. */
function told(): Map<string, Set<string>> {
  const { registry } = createRegistry()
  const series = new Map<string, Set<string>>([['up', new Set(['job', 'instance'])]])
  for (const { name, type, labelNames = [] } of registry.getMetricsAsArray() as unknown as Known[]) {
    const labels = ['job', 'instance', ...labelNames]
    if (type !== 'histogram') series.set(name, new Set(labels))
    else for (const part of ['bucket', 'sum', 'count']) series.set(`${name}_${part}`, new Set([...labels, 'le']))
  }
  registry.clear()
  return series
}

/** What is wrong with a query: names of series and labels that are not there. */
function faults(query: string, series: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const found: string[] = []
  const labels = new Set<string>()
  for (const [, name = '', selectors = ''] of query.matchAll(
    /\b((?:latchkey|nodejs|process)_\w+|up)\b(?:\{([^}]*)\})?/g,
  )) {
    const known = series.get(name)
    if (!known) found.push(`no series ${name}`)
    for (const label of known ?? []) labels.add(label)
    for (const [, label = ''] of selectors.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (known && !known.has(label)) found.push(`${name} has no label ${label}`)
  }
  if (labels.size === 0) found.push('no series at all')
  for (const [, list = ''] of query.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g))
    for (const label of list.split(',')) if (!labels.has(label.trim())) found.push(`no label ${label}`)
  return found.map((fault) => `${fault}, in ${query}`)
}

const read = (name: string): string => readFileSync(join(root, 'docs', 'monitoring', name), 'utf8')

interface Panel {
  id: number
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: { expr: string; legendFormat: string }[]
}

test('every panel of the dashboard asks for what is told, and none lies over another', () => {
  const series = told()
  const { panels } = JSON.parse(read('grafana.json')) as { panels: Panel[] }
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))
  assert.ok(queries.length > 40)
  assert.deepEqual(
    queries.flatMap((query) => faults(query, series)),
    [],
  )
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, gridPos: at } of panels) {
    assert.ok(at.x + at.w <= 24, title)
    for (let x = at.x; x < at.x + at.w; x++)
      for (let y = at.y; y < at.y + at.h; y++) {
        assert.ok(!taken.has(`${x} ${y}`), `${title} lies over another`)
        taken.add(`${x} ${y}`)
      }
  }
})

test('every alert rule asks for what is told, and says what to do', () => {
  const series = told()
  const { groups } = parse(read('alerts.yml')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string; description: string } }[] }[]
  }
  const rules = groups.flatMap((group) => group.rules)
  assert.ok(rules.length >= 10)
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
  assert.deepEqual(
    rules.flatMap(({ expr }) => faults(expr, series)),
    [],
  )
  for (const { alert, annotations } of rules) {
    assert.ok(annotations.summary && annotations.description, alert)
    // A sum has no other labels than it is told to keep.
    const kept = /\bby \(([^)]*)\)/.exec(rules.find((rule) => rule.alert === alert)?.expr ?? '')?.[1]
    for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
      assert.ok(kept === undefined || kept.includes(label), `${alert} names ${label}, which its sum loses`)
  }
})

test('a query that names what is not there is found', () => {
  const series = told()
  for (const [query, fault] of [
    ['rate(latchkey_sign_in_total[5m])', 'no series latchkey_sign_in_total'],
    ['latchkey_sign_ins_total{user="x"}', 'has no label user'],
    ['sum by (room) (latchkey_syncs)', 'no label room'],
    ['time()', 'no series at all'],
  ] as const)
    assert.match(faults(query, series).join('\n'), new RegExp(fault))
  assert.deepEqual(faults('sum by (le) (rate(latchkey_commit_duration_seconds_bucket{job="x"}[5m]))', series), [])
})
