import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { assertSpec } from './spec.ts'

const skip = !existsSync(join(import.meta.dirname, '../../../shared/spec/spec-check.mjs'))
const whoami = { method: 'GET', path: '/_matrix/client/r0/account/whoami?x=1', status: 200 }

test('an answer that fits the specification passes, under r0 too', () => {
  assertSpec({ ...whoami, reply: { user_id: '@a:test', device_id: 'D' } })
})

test('an answer that does not fit names all its faults', { skip }, () => {
  assert.throws(
    () => assertSpec({ ...whoami, reply: { device_id: 1 } }),
    (error: Error) => /user_id/.test(error.message) && /device_id/.test(error.message),
  )
})

test('an error without errcode, and any 5xx, is a fault', { skip }, () => {
  assert.throws(() => assertSpec({ ...whoami, status: 403, reply: { error: 'no' } }), /errcode/)
  assert.throws(() => assertSpec({ ...whoami, status: 500, reply: { errcode: 'M_UNKNOWN', error: 'x' } }), /500/)
})

test('an endpoint that the specification does not have is let through', () => {
  assertSpec({ method: 'GET', path: '/health', status: 200, reply: 'ok' })
})
