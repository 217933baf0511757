import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { authRules } from './result.ts'

test('every rule has a test', () => {
  const tests = readdirSync(import.meta.dirname).filter(
    (file) => file.endsWith('.test.ts') && file !== 'result.test.ts',
  )
  const text = tests.map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8')).join('\n')
  for (const rule of authRules) assert.ok(text.includes(`'${rule}'`), `There is no test for ${rule}`)
})
